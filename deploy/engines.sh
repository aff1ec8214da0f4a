#!/usr/bin/env bash
# deploy/engines.sh: the servers that gateways stand on, from Debian's packages, each in a private folder on 127.0.0.1, for
# `deploy/up --cluster` and for tests. It refuses to be a way to run a site: see deploy/README.md for that.
#
#   redis DIR PORT [OPTION...]            Redis that keeps an append-only file; options as redis-server takes them
#   replica DIR PORT PRIMARY [OPTION...]  a replica of the Redis in the folder PRIMARY
#   sentinel DIR PORT REDIS_DIR QUORUM    Sentinel that watches the Redis of REDIS_DIR under the name `lastword`
#   postgres DIR PORT [OPTION...]         a primary, with a role and a database `lastword`; options as postgres takes them
#   standby DIR PORT PRIMARY [OPTION...]  a streaming standby of the primary in the folder PRIMARY
#   haproxy FILE...                       HAProxy with these configurations
#       These six become the server itself: the process started is the server. So it is the caller's to stop and to
#       kill, and the same command starts it again on what it kept. It ends with the thread that started it. Postgres
#       ends at once on SIGINT, and on SIGTERM only when its clients have gone; the others on either.
#   ready DIR [SECONDS]                   waits until the server of a folder takes commands (10)
#   promote DIR                           makes a standby the primary
#   url DIR                               how a gateway reaches it, password included (also in the file DIR/url)
#   ports COUNT                           so many free ports, below those that the kernel gives out by itself
#
# Each folder has a password, which only its owner can read: others on this machine are kept out. A replica, a standby and
# a Sentinel have that of the server they were made from.
# Started by root, a server runs as the user that its package made, who may look into other users' folders, so
# that DIR can stand within a private one.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=127.0.0.1

usage() {
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

# as USER COMMAND...: in place of this shell. The signal is the one that ends it at once: INT for Postgres, and not for others,
# because a shell's background jobs ignore it.
as() {
    local user=$1 signal=TERM
    shift
    [ "$user" != postgres ] || signal=INT
    if [ "$(id -u)" -ne 0 ]; then
        exec setpriv --pdeathsig "$signal" -- "$@"
    fi
    exec setpriv --reuid "$user" --regid "$user" --init-groups --bounding-set=-all,+dac_read_search \
        --inh-caps=+dac_read_search --ambient-caps=+dac_read_search --securebits=+no_setuid_fixup \
        --pdeathsig "$signal" -- "$@"
}

# make_folder DIR USER PORT: with a password; what is there stays, but for the port.
make_folder() {
    (
        umask 077
        mkdir -p "$1"
        [ -s "$1/password" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$1/password"
    )
    echo "$3" >"$1/port"
    [ "$(id -u)" -ne 0 ] || chown -R "$2:" "$1"
}

# keep DIR USER NAME: standard input as a file that only the user reads.
keep() {
    (umask 077 && cat >"$1/$3")
    [ "$(id -u)" -ne 0 ] || chown "$2:" "$1/$3"
}

# ------------------------------------------------------------------ Redis

start_redis() {
    local dir=$1 port=$2
    shift 2
    make_folder "$dir" redis "$port"
    # In a file, not an argument: arguments are everybody's to read.
    keep "$dir" redis redis.conf <<CONF
bind $here
port $port
dir $dir
requirepass $(<"$dir/password")
masterauth $(<"$dir/password")
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
CONF
    echo "redis://:$(<"$dir/password")@$here:$port" | keep "$dir" redis url
    as redis redis-server "$dir/redis.conf" "$@"
}

start_replica() {
    local dir=$1 port=$2 primary=$3
    shift 3
    make_folder "$dir" redis "$port"
    keep "$dir" redis password <"$primary/password"
    start_redis "$dir" "$port" --replicaof "$here" "$(<"$primary/port")" "$@"
}

# Sentinel writes what it learns into its configuration: made once, kept at every further start.
start_sentinel() {
    local dir=$1 port=$2 redis=$3 quorum=$4
    make_folder "$dir" redis "$port"
    keep "$dir" redis password <"$redis/password"
    echo "sentinel://:$(<"$dir/password")@$here:$port/lastword" | keep "$dir" redis url
    [ -s "$dir/sentinel.conf" ] || keep "$dir" redis sentinel.conf <<CONF
bind $here
port $port
dir $dir
requirepass $(<"$dir/password")
sentinel sentinel-pass $(<"$dir/password")
sentinel monitor lastword $here $(<"$redis/port") $quorum
sentinel auth-pass lastword $(<"$redis/password")
sentinel down-after-milliseconds lastword 1000
sentinel failover-timeout lastword 5000
daemonize no
CONF
    as redis redis-sentinel "$dir/sentinel.conf"
}

# ------------------------------------------------------------------ Postgres

# The newest that is installed.
postgres_bin() {
    local bins=(/usr/lib/postgresql/*/bin)
    [ -x "${bins[-1]}/postgres" ] || die "Postgres is not installed (package postgresql)"
    echo "${bins[-1]}"
}

conninfo() {
    echo "postgresql://$2:$(<"$1/password")@$here:$(<"$1/port")/$3"
}

make_database() {
    local dir=$1 bin=$2
    (as postgres "$bin/initdb" -D "$dir/data" --username=postgres --pwfile="$dir/password" --encoding=UTF8 \
        --locale=C.UTF-8 --auth-host=scram-sha-256 --auth-local=reject --data-checksums >&2)
    (as postgres "$bin/postgres" --single -D "$dir/data" -c log_min_messages=error postgres >/dev/null) <<SQL
CREATE ROLE lastword LOGIN PASSWORD '$(<"$dir/password")'
CREATE DATABASE lastword OWNER lastword
SQL
}

# serve_postgres DIR PORT OPTION...: no Unix socket and no POSIX shared memory, so that nothing is outside DIR.
serve_postgres() {
    local dir=$1 port=$2 bin=$3
    shift 3
    conninfo "$dir" lastword lastword | keep "$dir" postgres url
    as postgres "$bin/postgres" -D "$dir/data" -c listen_addresses="$here" -c port="$port" \
        -c unix_socket_directories= -c dynamic_shared_memory_type=mmap -c wal_keep_size=256MB "$@"
}

start_postgres() {
    local dir=$1 port=$2 bin
    shift 2
    bin=$(postgres_bin)
    make_folder "$dir" postgres "$port"
    [ -s "$dir/data/PG_VERSION" ] || make_database "$dir" "$bin"
    serve_postgres "$dir" "$port" "$bin" "$@"
}

start_standby() {
    local dir=$1 port=$2 primary=$3 bin
    shift 3
    bin=$(postgres_bin)
    make_folder "$dir" postgres "$port"
    if [ ! -s "$dir/data/PG_VERSION" ]; then
        keep "$dir" postgres password <"$primary/password"
        (as postgres "$bin/pg_basebackup" -D "$dir/data" -d "$(conninfo "$primary" postgres postgres)" -R \
            --wal-method=stream --checkpoint=fast >&2)
    fi
    serve_postgres "$dir" "$port" "$bin" "$@"
}

promote() {
    PGCONNECT_TIMEOUT=5 psql -qAtX -d "$(conninfo "$1" postgres postgres)" -c 'SELECT pg_promote()' | grep -qx t
}

# ------------------------------------------------------------------ HAProxy

start_haproxy() {
    local file files=()
    for file in "$@"; do
        files+=(-f "$file")
    done
    as haproxy haproxy -db "${files[@]}"
}

# ------------------------------------------------------------------ questions to them

# Does the server of this folder take commands?
answers() {
    local dir=$1 url=''
    [ ! -s "$dir/url" ] || url=$(cat "$dir/url")
    case $url in
        postgresql:*) PGCONNECT_TIMEOUT=2 psql -qAtX -d "$url" -c 'SELECT 1' ;;
        *:*) REDISCLI_AUTH=$(<"$dir/password") timeout 2 redis-cli -h "$here" -p "$(<"$dir/port")" ping | grep -x PONG ;;
        *) return 1 ;;
    esac
}

ready() {
    local dir=$1 deadline=$((SECONDS + ${2:-10}))
    until answers "$dir" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || die "the server in $dir does not answer"
        sleep 0.05
    done
}

ports() {
    local found=() port
    while [ "${#found[@]}" -lt "$1" ]; do
        port=$((20000 + RANDOM % 12000))
        case " ${found[*]} " in *" $port "*) continue ;; esac
        ! port_is_free "$here" "$port" || found+=("$port")
    done
    printf '%s\n' "${found[@]}"
}

main() {
    local command=${1:-}
    shift || true
    case $command:$# in
        redis:[2-9]* | redis:1?*) start_redis "$(realpath -m "$1")" "${@:2}" ;;
        replica:[3-9]* | replica:1?*) start_replica "$(realpath -m "$1")" "$2" "$(realpath "$3")" "${@:4}" ;;
        sentinel:4) start_sentinel "$(realpath -m "$1")" "$2" "$(realpath "$3")" "$4" ;;
        postgres:[2-9]* | postgres:1?*) start_postgres "$(realpath -m "$1")" "${@:2}" ;;
        standby:[3-9]* | standby:1?*) start_standby "$(realpath -m "$1")" "$2" "$(realpath "$3")" "${@:4}" ;;
        haproxy:[1-9]*) start_haproxy "$@" ;;
        ready:[12]) ready "$@" ;;
        promote:1) promote "$1" ;;
        url:1) cat "$1/url" ;;
        ports:1) ports "$1" ;;
        -h:* | --help:*) usage ;;
        *) die "see deploy/engines.sh --help" ;;
    esac
}
main "$@"
