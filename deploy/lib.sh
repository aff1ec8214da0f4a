# What deploy/up and tests/run share: packages, builds, programs in the background. To be sourced, with `set -euo
# pipefail`; it defines functions and root (the top of the tree), and does nothing by itself.
# shellcheck shell=bash

temp='' # the folder of a run, set by the script
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() {
    printf 'lastword: %s\n' "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# ------------------------------------------------------------------ packages

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "root or sudo is needed for: $*"
    fi
}

# The packages of the groups named.
packages() {
    local group
    for group in "$@"; do
        awk -v group="$group" '$1 == group { print $2 }' "$root/deploy/packages.txt"
    done
}

# Those of the packages named that are not installed.
packages_missing() {
    local package
    for package in "$@"; do
        case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true) in
            installed) ;;
            *) echo "$package" ;;
        esac
    done
}

# Installs what is missing of the packages named, and touches nothing where nothing is. A server that comes with a
# package is not started (SYSTEMD_OFFLINE): the scripts start their own.
install_packages() {
    local missing
    mapfile -t missing < <(packages_missing "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 ||
        say "apt-get update failed; going on with the lists that are here"
    as_root env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
}

# Node.js with npm: any that is there and new enough, Debian's otherwise.
install_node() {
    command -v node >/dev/null || install_packages nodejs npm
    command -v npm >/dev/null || install_packages npm
    node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' ||
        die "the page needs Node.js 18 or newer; this is $(node --version)"
}

# ------------------------------------------------------------------ builds

# alone COMMAND...: one at a time of all scripts that build in this tree, in a subshell.
alone() {
    mkdir -p "$root/build"
    (
        flock 9
        "$@" 9>&-
    ) 9>"$root/build/.lock"
}

# build PRESET TARGET...: into build/PRESET. Without targets, everything.
build() {
    alone build_now "$@"
}

build_now() {
    local preset=$1 targets=()
    shift
    [ $# -eq 0 ] || targets=(--target "$@")
    cd "$root" && cmake --preset "$preset" >&2 && cmake --build --preset "$preset" "${targets[@]}" >&2
}

# Is $1 (a file) there, and older than nothing of the other arguments (folders and files)?
is_newer() {
    local made=$1
    shift
    [ -e "$made" ] && [ -z "$(find "$@" \( -name node_modules -o -name dist -o -name .vite \) -prune -o \
        -type f -newer "$made" -print -quit)" ]
}

# npm_install FOLDER: what its lock file names, unless it is there.
npm_install() {
    alone npm_install_now "$1"
}

npm_install_now() {
    is_newer "$1/node_modules/.package-lock.json" "$1/package-lock.json" ||
        (cd "$1" && npm ci --no-audit --no-fund >&2)
}

page_dir=$root/frontend/app/dist

# A page that was built elsewhere (deploy/page), from LASTWORD_PAGE_TAR into build/page: no Node.js is needed.
unpack_page() {
    local tar
    tar=$(realpath "$LASTWORD_PAGE_TAR")
    [ -r "$tar" ] || die "LASTWORD_PAGE_TAR: cannot read $LASTWORD_PAGE_TAR"
    [ ! -e "$tar.sha256" ] || (cd "$(dirname "$tar")" && sha256sum --check --status "$(basename "$tar").sha256") ||
        die "LASTWORD_PAGE_TAR: $tar is not what its .sha256 says"
    page_dir=$root/build/page
    rm -rf "$page_dir"
    mkdir -p "$page_dir"
    tar --extract --gzip --file="$tar" --directory="$page_dir" --strip-components=1 --no-same-owner
    [ -e "$page_dir/index.html" ] || die "LASTWORD_PAGE_TAR: $tar holds no page"
}

# Leaves the page's folder in page_dir.
build_page() {
    if [ -n "${LASTWORD_PAGE_TAR:-}" ]; then
        unpack_page
        return 0
    fi
    is_newer "$page_dir/index.html" "$root/frontend" || install_node
    alone build_page_now
}

build_page_now() {
    ! is_newer "$page_dir/index.html" "$root/frontend" || return 0
    say "building the page"
    npm_install_now "$root/frontend" && cd "$root/frontend" && npm run build >&2 && touch "$page_dir/index.html"
}

# ------------------------------------------------------------------ programs in the background

# port_is_free HOST PORT
port_is_free() {
    ! (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# background NAME COMMAND...: out of reach of the terminal's Ctrl-C, which is for the script; ends with the script even
# if that is killed. Its output: $temp/NAME.out and NAME.err.
background() {
    local name=$1
    shift
    setsid setpriv --pdeathsig TERM -- "$@" >"$temp/$name.out" 2>"$temp/$name.err" </dev/null &
}

# failed NAME: why it is gone.
failed() {
    say "$1 ended:"
    tail -n 20 "$temp/$1.err" >&2
    exit 1
}

# A string of YAML.
quote() {
    printf "'%s'" "${1//\'/\'\'}"
}

# wait_for_line FILE PID PATTERN SECONDS: the text after PATTERN in its first line that has it, or failure when the
# program ends or the time is up.
wait_for_line() {
    local file=$1 pid=$2 pattern=$3 deadline=$((SECONDS + $4)) line
    while true; do
        line=$(sed -n "s|.*$pattern||p" "$file" | head -n 1)
        if [ -n "$line" ]; then
            echo "$line"
            return 0
        fi
        kill -0 "$pid" 2>/dev/null || return 1
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.02
    done
}

# http_status HOST PORT PATH: the status of a GET, without a program that may not be there.
http_status() {
    local line
    exec 3<>"/dev/tcp/$1/$2" || return 1
    printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$3" "$1" "$2" >&3
    IFS=' ' read -r -t 5 _ line <&3 || true
    exec 3>&-
    echo "${line%% *}"
}

# wait_until_ready PORT PID SECONDS: until /readyz says so.
wait_until_ready() {
    local deadline=$((SECONDS + $3))
    until [ "$(http_status 127.0.0.1 "$1" /readyz 2>/dev/null)" = 200 ]; do
        kill -0 "$2" 2>/dev/null || return 1
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# stop PID SECONDS: SIGTERM, and after SECONDS SIGKILL. Waits until it is gone. Only for children of this shell.
stop() {
    local pid=$1 deadline=$((SECONDS + $2))
    kill -TERM "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            kill -KILL "$pid" 2>/dev/null || true
            break
        fi
        sleep 0.02
    done
    wait "$pid" 2>/dev/null || true
}
