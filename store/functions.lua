#!lua name=lastword_@VERSION@
--[[
  What Redis does by itself, each function in one step. Names of keys and what lies in them: store/redis_key.h,
  store/redis_record.h. @VERSION@ is a digest of this file, made by the build: gateways of two versions each have
  their own library beside the other's.

      S where the log ends, and who follows     L the log     M the lease     O, D the outbox of the shard
      E until when each lease of the shard runs

  All keys of a call have one hash tag; in what is gathered (append, outbox_peek) only where there is no cluster.
  Time is the server's. append is what happens for every token: with the end as expected it is SET and XADD.
]]

local OK, NOT_FOUND, FENCED, WRONG_POSITION, HELD, FULL, CORRUPT = 0, 1, 2, 3, 4, 5, 6

local GROUP = 'history' -- the consumer group of the outbox (functions_outbox.lua)
local MESSAGE_MAX = 65536 -- of records that ride on a message; followers read larger ones

local function now_ms()
    local t = redis.call('TIME')
    return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function whole(n)
    return string.format('%.0f', n)
end

-- ------------------------------------------------------------------ the end of a log

-- "1 7 5 81d90e1b end+<until>,<channel>;..." -> "1 7 5 81d90e1b end", "+..."
local function split(state)
    local at = string.find(state, '+', 1, true)
    if not at then
        return state, ''
    end
    return string.sub(state, 1, at - 1), string.sub(state, at)
end

-- epoch, seq, off, crc, " end" or ""
local function parse(core)
    return string.match(core, '^(%d+) (%d+) (%d+) (%x+)(.*)$')
end

-- Tells those who follow still, and returns them.
local function tell(followers, message)
    local now, kept = now_ms(), {}
    for till, channel in string.gmatch(followers, '(%d+),([^;]+)') do
        if tonumber(till) > now then
            redis.call('PUBLISH', channel, message)
            kept[#kept + 1] = till .. ',' .. channel
        end
    end
    if #kept == 0 then
        return ''
    end
    return '+' .. table.concat(kept, ';')
end

-- "<owner>/<gen>" of S
local function name_of(key)
    return string.sub(key, string.find(key, ':s:', 1, true) + 3)
end

-- g <seq of the last> <records> <length of name> <name> {<length> <record>}
local function grown(key, core, args, from, n)
    local _, seq = parse(core)
    local name = name_of(key)
    local size, records = 0, {}
    for i = from, from + 2 * n - 2, 2 do
        size = size + #args[i + 1]
        records[#records + 1] = #args[i + 1] .. ' ' .. args[i + 1]
    end
    if size > MESSAGE_MAX then
        n, records = 0, {}
    end
    return 'g ' .. seq .. ' ' .. n .. ' ' .. #name .. ' ' .. name .. table.concat(records)
end

-- ------------------------------------------------------------------ append

-- args[from] is an id, args[from + 1] its record, and so on, n times.
local function put(log, args, from, n)
    for i = from, from + 2 * n - 2, 2 do
        local id = redis.pcall('XADD', log, 'NOMKSTREAM', args[i], 'r', args[i + 1])
        if type(id) ~= 'string' then
            return id and CORRUPT or NOT_FOUND
        end
    end
    return OK
end

local function put_and_tell(key, log, new, followers, args, from, n)
    local code = put(log, args, from, n)
    if code == OK then
        if followers ~= '' then
            followers = tell(followers, grown(key, new, args, from, n))
        end
        redis.call('SET', key, new .. followers, 'KEEPTTL')
    end
    return code
end

local function are_there(log, args, from, n)
    for i = from, from + 2 * n - 2, 2 do
        local found = redis.call('XRANGE', log, args[i], args[i])
        if not found[1] or found[1][2][2] ~= args[i + 1] then
            return false
        end
    end
    return true
end

-- Why records that were to lead from an end of this epoch to `new` are not taken, or that they are there.
local function refusal(core, epoch, new, log, args, from, n)
    local is, _, _, _, ended = parse(core)
    if is ~= epoch then
        return FENCED
    end
    if core == new and are_there(log, args, from, n) then
        return OK
    end
    return ended ~= '' and FENCED or WRONG_POSITION
end

-- The end was taken to be `expected` and is not: put back what was there, and see.
local function append_other(state, key, log, expected, new, args, from, n)
    if not state then
        redis.call('DEL', key)
        return NOT_FOUND
    end
    redis.call('SET', key, state, 'KEEPTTL')
    local core, followers = split(state)
    if core == expected then
        return put_and_tell(key, log, new, followers, args, from, n)
    end
    return refusal(core, string.match(expected, '^%d+'), new, log, args, from, n)
end

-- S L of each generation; of each: the end expected, the new end, n, and n times id, record.
-- OK when all is well; otherwise the code of each. SET with GET is one command less than GET and SET.
local function append(keys, args)
    local from, codes, well = 1, {}, true
    for k = 1, #keys, 2 do
        local expected, new, n = args[from], args[from + 1], tonumber(args[from + 2])
        local state, code = redis.call('SET', keys[k], new, 'KEEPTTL', 'GET'), nil
        if state == expected then
            code = put(keys[k + 1], args, from + 3, n)
            if code ~= OK then
                redis.call('SET', keys[k], state, 'KEEPTTL')
            end
        else
            code = append_other(state, keys[k], keys[k + 1], expected, new, args, from + 3, n)
        end
        codes[#codes + 1] = code
        well = well and code == OK
        from = from + 3 + 2 * n
    end
    return well and OK or codes
end

-- ------------------------------------------------------------------ rewind

local forward, backward -- CRC-32C by table, and back: see base/crc32c.c

local function make_tables()
    forward, backward = {}, {}
    for i = 0, 255 do
        local c = i
        for _ = 1, 8 do
            local low = bit.band(c, 1)
            c = bit.rshift(c, 1)
            if low == 1 then
                c = bit.bxor(c, 0x82f63b78)
            end
        end
        forward[i] = c
        backward[bit.rshift(c, 24)] = i
    end
end

-- The crc before the last `n` bytes of data, where `crc` is that after them.
local function crc_before(crc, data, n)
    local c = bit.bnot(tonumber(crc, 16))
    if not forward then
        make_tables()
    end
    for at = #data, #data - n + 1, -1 do
        local i = backward[bit.rshift(c, 24)]
        c = bit.bor(bit.lshift(bit.bxor(c, forward[i]), 8), bit.bxor(i, string.byte(data, at)))
    end
    return bit.tohex(bit.bnot(c))
end

-- The crc of the log's bytes before off, which lies in the log. Going back from the end, the first text that
-- covers off is the one that stands: had a later rewind cut it, later text would cover off again.
local function crc_at(log, off)
    local last = '+'
    while off > 0 do
        local page = redis.call('XREVRANGE', log, last, '-', 'COUNT', 64)
        for _, entry in ipairs(page) do
            local record = entry[2][2]
            local kind, stop, crc, data = string.match(record, '^(%a)%d %d+ (%d+) (%x+) ()')
            stop = tonumber(stop)
            if kind == 't' and off <= stop and off > stop - (#record - data + 1) then
                return crc_before(crc, record, stop - off)
            end
            last = '(' .. entry[1]
        end
        if #page == 0 then
            return nil
        end
    end
    return '00000000'
end

-- S L; epoch, seq before it, off, crc, the new end, n, and n times id, record, the first of them the rewind.
local function rewind(keys, args)
    local epoch, before, off, crc, new, n = args[1], args[2], tonumber(args[3]), args[4], args[5], tonumber(args[6])
    local state = redis.call('GET', keys[1])
    if not state then
        return NOT_FOUND
    end
    local core, followers = split(state)
    local is_epoch, is_seq, is_off, is_crc, ended = parse(core)
    if is_epoch ~= epoch or ended ~= '' or is_seq ~= before or off > tonumber(is_off) then
        return refusal(core, epoch, new, keys[2], args, 7, n)
    end
    if (off == tonumber(is_off) and is_crc or crc_at(keys[2], off)) ~= crc then
        return WRONG_POSITION
    end
    return put_and_tell(keys[1], keys[2], new, followers, args, 7, n)
end

-- ------------------------------------------------------------------ finish

-- Ids of the outbox are microseconds, so that those of all shards are in order; `after` is the last that the caller
-- has seen, against clocks that differ.
local function outbox_add(stream, after, name)
    local t = redis.call('TIME')
    local us = math.max(t[1] * 1000000 + t[2], tonumber(after) + 1)
    local id = redis.pcall('XADD', stream, whole(us) .. '-0', 'g', name)
    if type(id) ~= 'string' then
        id = redis.call('XADD', stream, '*', 'g', name)
    end
    return id
end

-- S L M O D E; end expected, new end, id, record, entry, keep ms, outbox id seen last, most entries, name
local function finish(keys, args)
    local expected, new = args[1], args[2]
    local state = redis.call('GET', keys[1])
    if not state then
        return NOT_FOUND
    end
    local core, followers = split(state)
    local ended = new .. ' end'
    if core ~= expected then
        return refusal(core, string.match(expected, '^%d+'), ended, keys[2], args, 3, 1)
    end
    if redis.call('XLEN', keys[4]) >= tonumber(args[8]) then
        return FULL
    end
    local code = put(keys[2], args, 3, 1)
    if code ~= OK then
        return code
    end
    local id = outbox_add(keys[4], args[7], args[9])
    redis.call('HSET', keys[5], id, args[5])
    redis.call('SET', keys[1], ended, 'PX', args[6])
    redis.call('PEXPIRE', keys[2], args[6])
    redis.call('DEL', keys[3])
    redis.call('ZREM', keys[6], name_of(keys[1]))
    if followers ~= '' then
        tell(followers, grown(keys[1], new, args, 3, 1))
    end
    return { OK, id }
end

-- ------------------------------------------------------------------ lease

local function expire_all(keys, ms)
    for i = 1, 3 do
        redis.call('PEXPIRE', keys[i], ms)
    end
end

local function lease_until(keys, time, ...)
    time = whole(time)
    redis.call('HSET', keys[3], 'u', time, ...)
    redis.call('ZADD', keys[4], time, name_of(keys[1]))
end

local function hold(keys, core, followers, holder, chat, lease, abandoned)
    if redis.call('EXISTS', keys[2]) == 0 then -- an empty stream, so that it can expire
        redis.call('XGROUP', 'CREATE', keys[2], GROUP, '0', 'MKSTREAM')
        redis.call('XGROUP', 'DESTROY', keys[2], GROUP)
    end
    redis.call('SET', keys[1], core .. followers)
    lease_until(keys, now_ms() + lease, 'n', holder, 't', chat)
    expire_all(keys, whole(lease + abandoned))
end

local function lease_answer(core)
    local epoch, seq, off, crc, ended = parse(core)
    return { OK, epoch, seq, off, crc, ended ~= '' and 1 or 0, 0, now_ms() }
end

-- The core and followers of a log that is there, with what was its stream.
local function find(keys)
    local state = redis.call('GET', keys[1])
    if not state or redis.call('EXISTS', keys[2]) == 0 then
        return nil
    end
    return split(state)
end

-- S L M E; channel of the node, chat, lease ms, ms until an abandoned log goes, until when it is meant or 0. Calls that
-- were sent to a server which stood still come to it all at once, when leases have lapsed and their senders are gone.
local function acquire(keys, args)
    local holder, chat, lease, abandoned = args[1], args[2], tonumber(args[3]), tonumber(args[4])
    local meant, now = tonumber(args[5]), now_ms()
    local core, followers = find(keys)
    if not core then
        core, followers = '1 0 0 00000000', ''
    else
        local epoch, seq, off, crc, ended = parse(core)
        if ended ~= '' then
            return lease_answer(core)
        end
        local m = redis.call('HMGET', keys[3], 'n', 'u')
        local left = (tonumber(m[2] or 0) or 0) - now
        if m[1] and m[1] ~= holder and (left > 0 or (meant > 0 and now > meant)) then
            return { HELD, epoch, seq, off, crc, 0, math.max(left, 1), now }
        end
        core = whole(tonumber(epoch) + 1) .. ' ' .. seq .. ' ' .. off .. ' ' .. crc
    end
    hold(keys, core, followers, holder, chat, lease, abandoned)
    return lease_answer(core)
end

-- S L M E; as acquire, and the epoch
local function reclaim(keys, args)
    local holder, chat, lease, abandoned = args[1], args[2], tonumber(args[3]), tonumber(args[4])
    local core, followers = find(keys)
    if not core then
        core, followers = args[5] .. ' 0 0 00000000', ''
    else
        local epoch, seq, off, crc, ended = parse(core)
        local is, mine = tonumber(epoch), tonumber(args[5])
        if is > mine or (is == mine and ended == '' and redis.call('HGET', keys[3], 'n') ~= holder) then
            return { FENCED, epoch, seq, off, crc, 0 }
        end
        if ended ~= '' then
            return lease_answer(core)
        end
        core = args[5] .. ' ' .. seq .. ' ' .. off .. ' ' .. crc
    end
    hold(keys, core, followers, holder, chat, lease, abandoned)
    return lease_answer(core)
end

-- S L M E; epoch, lease ms, ms until an abandoned log goes
local function renew(keys, args)
    local state = redis.call('GET', keys[1])
    if not state then
        return NOT_FOUND
    end
    local core, followers = split(state)
    local epoch, _, _, _, ended = parse(core)
    if epoch ~= args[1] or ended ~= '' then
        return FENCED
    end
    lease_until(keys, now_ms() + tonumber(args[2]))
    expire_all(keys, whole(tonumber(args[2]) + tonumber(args[3])))
    if args[2] == '0' and followers ~= '' then
        tell(followers, grown(keys[1], core, args, 1, 0)) -- one of them acquires it
    end
    return OK
end

-- Its log is there and has no end. What has gone by itself, or was ended by another version, is forgotten.
local function is_open(shard, name)
    local state = redis.call('GET', shard .. 's:' .. name)
    local _, _, _, _, ended = parse((split(state or '')))
    return ended == ''
end

-- E of each shard; how many. Name, chat, name, chat, ...: those that lapsed first in their shard. What else is read
-- here has the shard's tag.
local function lapsed(keys, args)
    local now, most, out = whole(now_ms()), 2 * tonumber(args[1]), {}
    for _, key in ipairs(keys) do
        local shard = string.sub(key, 1, -2)
        local names = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, args[1])
        for i = 1, #names do
            local chat = is_open(shard, names[i]) and redis.call('HGET', shard .. 'm:' .. names[i], 't')
            if not chat then
                redis.call('ZREM', key, names[i])
            elseif #out < most then
                out[#out + 1] = names[i]
                out[#out + 1] = chat
            end
        end
        if #out >= most then
            break
        end
    end
    return out
end

-- S M; what to tell the node that holds the lease
local function cancel(keys, args)
    local state = redis.call('GET', keys[1])
    local holder = state and not string.find(state, ' end', 1, true) and redis.call('HGET', keys[2], 'n')
    if holder then
        redis.call('PUBLISH', holder, args[1])
    end
    return OK
end

-- ------------------------------------------------------------------ reading and following

-- S L; seq after which, most bytes. Id, record, id, record, ...
local function read(keys, args)
    if redis.call('EXISTS', keys[1]) == 0 then
        return NOT_FOUND
    end
    local from, most, bytes, out, count = '(0-' .. args[1], tonumber(args[2]), 0, {}, 8
    while #out < 8192 do
        local page = redis.call('XRANGE', keys[2], from, '+', 'COUNT', count)
        for _, entry in ipairs(page) do
            local record = entry[2][2]
            bytes = bytes + #record - string.match(record, '^%S+ %S+ %S+ %S+ ()') + 1
            if #out > 0 and bytes > most then
                return out
            end
            out[#out + 1] = entry[1]
            out[#out + 1] = record
            from = '(' .. entry[1]
        end
        if #page < count then
            return out
        end
        count = 64
    end
    return out
end

local function without(followers, channel)
    local kept, now = {}, now_ms()
    for till, other in string.gmatch(followers, '(%d+),([^;]+)') do
        if other ~= channel and tonumber(till) > now then
            kept[#kept + 1] = till .. ',' .. other
        end
    end
    return kept, now
end

local function set_followers(key, core, list)
    redis.call('SET', key, #list == 0 and core or core .. '+' .. table.concat(list, ';'), 'KEEPTTL')
end

-- S; channel of the node, for how many ms. The seq of the last record, or -1.
local function follow(keys, args)
    local state = redis.call('GET', keys[1])
    if not state then
        return -1
    end
    local core, followers = split(state)
    local _, seq, _, _, ended = parse(core)
    if ended == '' then
        local list, now = without(followers, args[1])
        list[#list + 1] = whole(now + tonumber(args[2])) .. ',' .. args[1]
        set_followers(keys[1], core, list)
    end
    return tonumber(seq)
end

-- S; channel of the node. 1 if another follows.
local function followed(keys, args)
    local state = redis.call('GET', keys[1])
    local _, followers = split(state or '')
    return #without(followers, args[1]) > 0 and 1 or 0
end

-- S; channel of the node
local function unfollow(keys, args)
    local state = redis.call('GET', keys[1])
    local core, followers = split(state or '')
    if followers ~= '' then
        set_followers(keys[1], core, (without(followers, args[1])))
    end
    return OK
end

-- ------------------------------------------------------------------ who runs what

-- A; "1" while it runs, gen, "<chat> <off> <state>", channel of the owner, message, most entries, ms until all goes.
-- The value is led by a number that keeps the order of the first publishing.
local function publish(keys, args)
    local key, gen = keys[1], args[2]
    if args[1] ~= '1' then
        if redis.call('HDEL', key, gen) == 1 and redis.call('HLEN', key) == 1 then
            redis.call('DEL', key) -- only the counter is left
        end
    else
        local old = redis.call('HGET', key, gen)
        local n = old and string.match(old, '^%d+')
        if not n and redis.call('HLEN', key) <= tonumber(args[6]) then
            n = redis.call('HINCRBY', key, '#', 1)
        end
        if n then
            redis.call('HSET', key, gen, n .. ' ' .. args[3])
            redis.call('PEXPIRE', key, args[7])
        end
    end
    redis.call('PUBLISH', args[4], args[5])
    return OK
end

-- ------------------------------------------------------------------ their names

-- What ends, frees or keeps alive goes on also when Redis is at its limit of memory.
local function register(name, callback, flags)
    redis.register_function { function_name = 'lw_@VERSION@_' .. name, callback = callback, flags = flags or {} }
end

register('append', append)
register('rewind', rewind)
register('finish', finish, { 'allow-oom' })
register('acquire', acquire)
register('reclaim', reclaim)
register('renew', renew, { 'allow-oom' })
register('lapsed', lapsed, { 'allow-oom' })
register('cancel', cancel, { 'allow-oom' })
register('read', read, { 'no-writes' })
register('follow', follow)
register('followed', followed)
register('unfollow', unfollow, { 'allow-oom' })
register('publish', publish, { 'allow-oom' })
