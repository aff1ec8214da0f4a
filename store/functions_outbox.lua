--[[
  The outbox, as seen by those who drain it; finish (functions.lua, which this goes on) and prompt fill it.
  What a consumer takes is its own until it acknowledges, or has been silent for a while.

      C what history has not got of a conversation: # its newest message, <gen> a prompt's entry, =<gen> its answer
]]

local function field(flat, name)
    for i = 1, #flat, 2 do
        if flat[i] == name then
            return flat[i + 1]
        end
    end
end

-- Pending entries of a stream, own or stale; makes the group when there is none.
local function pending(stream, ...)
    local found = redis.pcall('XPENDING', stream, GROUP, ...)
    if found.err then
        redis.call('XGROUP', 'CREATE', stream, GROUP, '0')
        return {}
    end
    return found
end

-- O D of each shard; consumer, most of each kind of each shard, idle ms after which another's are had.
-- Of each that can be had: number of the shard among the keys, kind (o own, s stale, n new), id, size.
local function outbox_peek(keys, args)
    local out = {}
    local function add(k, kind, id)
        out[#out + 1] = (k - 1) / 2
        out[#out + 1] = kind
        out[#out + 1] = id
        out[#out + 1] = redis.call('HSTRLEN', keys[k + 1], id)
    end
    for k = 1, #keys, 2 do
        local stream = keys[k]
        if redis.call('XLEN', stream) > 0 then
            for _, entry in ipairs(pending(stream, '-', '+', args[2], args[1])) do
                add(k, 'o', entry[1])
            end
            for _, entry in ipairs(pending(stream, 'IDLE', args[3], '-', '+', args[2])) do
                if entry[2] ~= args[1] then
                    add(k, 's', entry[1])
                end
            end
            local last = field(redis.call('XINFO', 'GROUPS', stream)[1], 'last-delivered-id')
            for _, entry in ipairs(redis.call('XRANGE', stream, '(' .. last, '+', 'COUNT', args[2])) do
                add(k, 'n', entry[1])
            end
        end
    end
    return out
end

-- O D; consumer, idle ms, how many of its own, how many new, ids of stale ones. Id, entry, id, entry, ...
local function outbox_claim(keys, args)
    local out = {}
    local function add(id)
        local entry = redis.call('HGET', keys[2], id)
        if entry then
            out[#out + 1] = id
            out[#out + 1] = entry
        end
    end
    local function read_group(count, from)
        if tonumber(count) > 0 then
            local got = redis.call('XREADGROUP', 'GROUP', GROUP, args[1], 'COUNT', count, 'STREAMS', keys[1], from)
            for _, entry in ipairs(got and got[1][2] or {}) do
                add(entry[1])
            end
        end
    end
    read_group(args[3], '0')
    if #args > 4 then
        local ids = { unpack(args, 5) }
        ids[#ids + 1] = 'JUSTID'
        for _, id in ipairs(redis.call('XCLAIM', keys[1], GROUP, args[1], args[2], unpack(ids))) do
            add(id)
        end
    end
    read_group(args[4], '>')
    return out
end

-- O D; ids
local function outbox_ack(keys, args)
    redis.pcall('XACK', keys[1], GROUP, unpack(args)) -- an error: no group, so nothing was taken
    redis.call('XDEL', keys[1], unpack(args))
    redis.call('HDEL', keys[2], unpack(args))
    return OK
end

-- O of each shard; idle ms. Forgets consumers that have nothing and have not asked for so long.
local function outbox_sweep(keys, args)
    for _, stream in ipairs(keys) do
        local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, GROUP)
        for _, consumer in ipairs(consumers) do
            if field(consumer, 'pending') == 0 and field(consumer, 'idle') > tonumber(args[1]) then
                redis.call('XGROUP', 'DELCONSUMER', stream, GROUP, field(consumer, 'name'))
            end
        end
    end
    return OK
end

-- ------------------------------------------------------------------ prompts that history could not be told

local EXISTS = 7
local KEEP_MS = 30 * 24 * 3600 * 1000 -- turns that history has not got; the outbox itself waits for ever

-- C O D; gen, newest, entry, outbox id seen last, most entries, name
local function prompt(keys, args)
    local known = redis.call('HGET', keys[1], args[1])
    if known then
        return known == args[3] and OK or EXISTS
    end
    if redis.call('XLEN', keys[2]) >= tonumber(args[5]) then
        return FULL
    end
    local id = outbox_add(keys[2], args[4], args[6])
    redis.call('HSET', keys[3], id, args[3])
    redis.call('HSET', keys[1], '#', args[2], args[1], args[3])
    redis.call('PEXPIRE', keys[1], KEEP_MS)
    return { OK, id }
end

-- C; gen, text
local function answered(keys, args)
    if redis.call('HEXISTS', keys[1], args[1]) == 1 then
        redis.call('HSET', keys[1], '=' .. args[1], args[2])
    end
    return OK
end

-- C; newest, ms
local function newest(keys, args)
    redis.call('HSET', keys[1], '#', args[1])
    if redis.call('PTTL', keys[1]) < tonumber(args[2]) then
        redis.call('PEXPIRE', keys[1], args[2])
    end
    return OK
end

-- C; gen
local function forget(keys, args)
    redis.call('HDEL', keys[1], args[1], '=' .. args[1])
    return OK
end

register('prompt', prompt)
register('answered', answered)
register('newest', newest)
register('forget', forget, { 'allow-oom' })
register('outbox_peek', outbox_peek, { 'allow-oom' })
register('outbox_claim', outbox_claim, { 'allow-oom' })
register('outbox_ack', outbox_ack, { 'allow-oom' })
register('outbox_sweep', outbox_sweep, { 'allow-oom' })
