-- What a log of requests to token APIs cost, each at the list prices of its own time.
-- A card is one vendor, model, service tier, span of time, range of prompt lengths and part of the day, with all its
-- prices from one source.
-- Different spellings of a vendor or a model are one listing (vendor_id, model_listing). Where a single source has
-- several such names (a model under regions, Gemini at AI Studio and at Vertex AI), these are separate listings, each
-- under the name in the source.
-- Cells without a price are kept (the time between two offers, hours outside all windows); `token_price_card` leaves
-- them out.
CREATE OR REPLACE MACRO _token_price_cell(known_at := TIMESTAMPTZ 'infinity') AS TABLE
    -- The next price of the same line: the window partitions by one hash instead of eight columns, in a fifth of the
    -- time (measured).
    WITH listed AS (
        SELECT p.*, model_listing(p.model) AS spoken,
            lead(p.price_usd_per_mtok) OVER (
                PARTITION BY hash(p.source_id, p.scope, p.vendor, p.model, p.direction, p.service_tier,
                    p.context_tier_from_tokens, p.time_window)
                ORDER BY p.valid_from NULLS FIRST) AS later_usd,
            lag(p.price_usd_per_mtok) OVER (
                PARTITION BY hash(p.source_id, p.scope, p.vendor, p.model, p.direction, p.service_tier,
                    p.context_tier_from_tokens, p.time_window)
                ORDER BY p.valid_from NULLS FIRST) AS earlier_usd
        FROM token_price_known(known_at := known_at::TIMESTAMPTZ) p
        WHERE p.region = 'global' AND p.direction IN ('input', 'output', 'cached_read', 'cached_write')),
    shared AS (
        SELECT n.vendor_id, n.spoken, n.service_tier, max(n.names) = 1 AS is_one
        FROM (
            SELECT l.vendor_id, l.spoken, l.service_tier, l.source_id,
                count(DISTINCT (lower(l.vendor), lower(l.model))) AS names
            FROM listed l GROUP BY ALL) n
        GROUP BY ALL),
    stated AS (
        SELECT CASE WHEN s.is_one THEN p.vendor_id ELSE lower(p.vendor) END AS vendor_key,
            CASE WHEN s.is_one THEN p.spoken ELSE lower(p.model) END AS listing,
            p.service_tier, p.model, p.direction, p.price_usd_per_mtok AS usd, p.later_usd,
            p.earlier_usd, p.source_id, p.scope,
            p.capture_id, p.is_bundled, p.context_tier_from_tokens AS tier_from, p.time_window,
            coalesce(p.valid_from, TIMESTAMPTZ '1970-01-01 00:00:00+00') AS from_at,
            coalesce(p.valid_to, TIMESTAMPTZ 'infinity') AS to_at,
            CASE WHEN p.time_window = '' THEN 0
                ELSE 60 * p.time_window[1:2]::INT + p.time_window[4:5]::INT END AS first_minute,
            CASE WHEN p.time_window = '' THEN 1440
                ELSE 60 * p.time_window[7:8]::INT + p.time_window[10:11]::INT END AS last_minute
        FROM listed p JOIN shared s ON s.vendor_id = p.vendor_id AND s.spoken = p.spoken
            AND s.service_tier = p.service_tier),
    -- One number for vendor, listing and tier, and one for a cell: a window over a number takes a fifth of the time of
    -- one over names (DuckDB 1.5, measured).
    sold AS MATERIALIZED (SELECT k.*, row_number() OVER () AS sold_no
        FROM (SELECT DISTINCT s.vendor_key, s.listing, s.service_tier FROM stated s) k),
    numbered AS (
        SELECT s.* EXCLUDE (vendor_key, listing, service_tier), k.sold_no
        FROM stated s JOIN sold k ON k.vendor_key = s.vendor_key AND k.listing = s.listing
            AND k.service_tier = s.service_tier),
    -- A time window over midnight is split in two.
    price AS (
        SELECT s.* FROM numbered s WHERE s.first_minute < s.last_minute
        UNION ALL SELECT s.* REPLACE (1440 AS last_minute) FROM numbered s WHERE s.first_minute >= s.last_minute
        UNION ALL SELECT s.* REPLACE (0 AS first_minute) FROM numbered s
        WHERE s.first_minute >= s.last_minute AND s.last_minute > 0),
    span AS (
        SELECT t.*,
            coalesce(lead(t.from_at) OVER (PARTITION BY t.sold_no ORDER BY t.from_at), TIMESTAMPTZ 'infinity') AS to_at
        FROM (SELECT DISTINCT p.sold_no, unnest([p.from_at, p.to_at]) AS from_at FROM price p) t),
    prompt AS (
        SELECT t.*,
            coalesce(lead(t.tokens_above) OVER (PARTITION BY t.sold_no ORDER BY t.tokens_above),
                9223372036854775807) AS tokens_to
        FROM (
            SELECT DISTINCT p.sold_no,
                unnest([-1, CASE WHEN p.tier_from > 0 THEN p.tier_from ELSE -1 END]) AS tokens_above
            FROM price p) t),
    part AS (
        SELECT t.*,
            coalesce(lead(t.first_minute) OVER (PARTITION BY t.sold_no ORDER BY t.first_minute), 1440) AS last_minute
        FROM (SELECT DISTINCT p.sold_no, unnest([0, p.first_minute, p.last_minute]) AS first_minute FROM price p) t),
    cell AS MATERIALIZED (
        SELECT row_number() OVER () AS cell_no, s.*, r.tokens_above, r.tokens_to, d.first_minute, d.last_minute
        FROM span s JOIN prompt r ON r.sold_no = s.sold_no
        JOIN part d ON d.sold_no = s.sold_no AND d.first_minute < 1440
        WHERE s.from_at < TIMESTAMPTZ 'infinity'),
    told AS (
        SELECT c.cell_no, p.source_id, p.scope, p.model,
            arg_max(p.usd, (p.tier_from, p.time_window)) FILTER (WHERE p.direction = 'input') AS input_usd_per_mtok,
            arg_max(p.usd, (p.tier_from, p.time_window)) FILTER (WHERE p.direction = 'output') AS output_usd_per_mtok,
            arg_max_null(p.later_usd, (p.tier_from, p.time_window)) FILTER (WHERE p.direction = 'input') AS later_input,
            arg_max_null(p.later_usd, (p.tier_from, p.time_window))
                FILTER (WHERE p.direction = 'output') AS later_output,
            arg_max_null(p.earlier_usd, (p.tier_from, p.time_window))
                FILTER (WHERE p.direction = 'input') AS earlier_input,
            arg_max_null(p.earlier_usd, (p.tier_from, p.time_window))
                FILTER (WHERE p.direction = 'output') AS earlier_output,
            max((p.tier_from, p.time_window)) FILTER (WHERE p.direction = 'input') AS kind,
            arg_max(p.usd, (p.tier_from, p.time_window))
                FILTER (WHERE p.direction = 'cached_read') AS cached_read_usd_per_mtok,
            arg_max(p.usd, (p.tier_from, p.time_window))
                FILTER (WHERE p.direction = 'cached_write') AS cached_write_usd_per_mtok,
            arg_max(p.capture_id, p.from_at) AS capture_id, bool_or(p.is_bundled) AS is_bundled,
            max(p.tier_from) FILTER (WHERE p.direction = 'input') AS told_from
        FROM cell c LEFT JOIN price p ON p.sold_no = c.sold_no
            AND p.from_at <= c.from_at AND p.to_at > c.from_at
            AND greatest(p.tier_from, -1) <= greatest(c.tokens_above, 0)
            AND p.first_minute <= c.first_minute AND p.last_minute > c.first_minute
        GROUP BY ALL),
    -- What the sources of a cell say, where there are several to compare: of most cells one speaks, and a window would
    -- list them all.
    said AS (
        SELECT t.cell_no, list({'source_id': t.source_id, 'price': t.input_usd_per_mtok}) AS input_said,
            list({'source_id': t.source_id, 'price': t.output_usd_per_mtok}) AS output_said
        FROM told t GROUP BY t.cell_no HAVING count(*) > 1),
    -- One price for all prompts, or for all hours, says nothing against a price of long ones or of the night.
    said_alike AS (
        SELECT t.cell_no, t.kind, list({'source_id': t.source_id, 'price': t.input_usd_per_mtok}) AS input_alike,
            list({'source_id': t.source_id, 'price': t.output_usd_per_mtok}) AS output_alike
        FROM told t GROUP BY t.cell_no, t.kind HAVING count(*) > 2)
    -- A source with a price for long prompts is preferred to one with a single price for all lengths.
    SELECT k.vendor_key, k.listing, k.service_tier, c.* EXCLUDE (cell_no, sold_no),
        t.* EXCLUDE (cell_no, later_input, later_output, earlier_input, earlier_output, kind, told_from)
    FROM told t JOIN cell c ON c.cell_no = t.cell_no JOIN sold k ON k.sold_no = c.sold_no
    LEFT JOIN said s ON s.cell_no = t.cell_no
    LEFT JOIN said_alike a ON a.cell_no = t.cell_no AND a.kind IS NOT DISTINCT FROM t.kind
    QUALIFY row_number() OVER (PARTITION BY t.cell_no
        ORDER BY t.input_usd_per_mtok IS NULL OR t.output_usd_per_mtok IS NULL, t.source_id <> k.vendor_key,
            is_outvoted(t.input_usd_per_mtok, t.later_input, s.input_said)
                OR is_outvoted(t.output_usd_per_mtok, t.later_output, s.output_said)
                OR is_behind(t.input_usd_per_mtok, t.earlier_input, a.input_alike)
                OR is_behind(t.output_usd_per_mtok, t.earlier_output, a.output_alike),
            t.told_from DESC NULLS LAST, source_rank(t.source_id), t.source_id, t.scope, t.model) = 1;
COMMENT ON MACRO TABLE _token_price_cell IS
    'The cards of token_price_card, and those of its cells without a price (source_id is NULL): from its first price '
    'on, those of a listing and service tier cover all times, lengths of prompt and minutes of the day.';

CREATE OR REPLACE MACRO token_price_card(known_at := TIMESTAMPTZ 'infinity') AS TABLE
    FROM _token_price_cell(known_at := known_at::TIMESTAMPTZ) WHERE source_id IS NOT NULL;
COMMENT ON MACRO TABLE token_price_card IS
    'Token prices as whole cards: by vendor, model (one listing, however lists spell it) and service tier, for a span '
    'of time, prompts of tokens_above (exclusive) to tokens_to (inclusive) tokens and minutes of the day (UTC), the '
    'prices of input, output and cached tokens, all from one source (the seller itself, else one that is neither '
    'outvoted nor behind two others and tells of prompts of that length, else the lowest source_rank). Prices that '
    'hold in one region only, and fees per request, are left out.';

-- The instant may be text (read_csv leaves what it cannot read, such as one without seconds): the error names it then.
CREATE OR REPLACE MACRO _request_priced(requests) AS TABLE
    SELECT * REPLACE (requested_at::TIMESTAMPTZ AS requested_at)
    FROM (
        FROM query_table(requests)
        UNION ALL BY NAME
        SELECT NULL::VARCHAR AS model, NULL::VARCHAR AS vendor, NULL::VARCHAR AS service_tier,
            NULL::TIMESTAMPTZ AS requested_at, NULL::BIGINT AS input_tokens_count,
            NULL::BIGINT AS output_tokens_count, NULL::BIGINT AS cached_read_tokens_count,
            NULL::BIGINT AS cached_write_tokens_count
        WHERE false);
COMMENT ON MACRO TABLE _request_priced IS
    'A table of requests with every column that request_cost reads, NULL where it has none. '
    '_request_priced(''request_log'').';

-- The distinct models, vendors and tiers of the requests, with their cards. It is one side of a join with the requests:
-- if the requests were read twice in one query, DuckDB would pass on every column of them, also those that are not
-- selected. The names are collected column by column and combined where a vendor sells a model: distinct names of one
-- column take a fifth of the time of distinct rows (DuckDB 1.5 counts the entries of a dictionary, not the rows). A
-- request without a card has no listing: the cards of a listing cover all times of the log, with a price or without.
-- The user's table is read in the first CTE only: after it a table that is called as a later one would be mistaken for
-- it.
CREATE OR REPLACE MACRO _request_card(requests, known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH written AS MATERIALIZED (
        SELECT list(DISTINCT g.model) AS models, list(DISTINCT g.vendor) AS vendors,
            list(DISTINCT g.service_tier) AS tiers, count(*) > count(g.vendor) AS is_any_vendor,
            count(*) > count(g.service_tier) AS is_any_tier, min(g.requested_at) AS first_at
        FROM _request_priced(requests) g),
    cell AS MATERIALIZED (SELECT c.* FROM _token_price_cell(known_at := known_at::TIMESTAMPTZ) c),
    listed AS (
        SELECT c.vendor_key, c.listing, c.service_tier, min(c.from_at) AS first_at FROM cell c GROUP BY ALL),
    sold AS MATERIALIZED (
        SELECT k.*, coalesce(v.vendor_id, k.vendor_key) AS vendor_id, coalesce(n.model_id, k.name_key) AS meant
        FROM (SELECT l.*, model_listing(l.listing) AS spoken, model_key(l.listing) AS name_key FROM listed l) k
        LEFT JOIN reference.vendor_alias v ON v.vendor = k.vendor_key
        LEFT JOIN observed.model_name n ON n.name_key = k.name_key),
    model AS (
        SELECT d.*, coalesce(n.model_id, d.name_key) AS meant, model_snapshot(d.model) AS snapshot
        FROM (SELECT u.model, model_listing(u.model) AS spoken, model_key(u.model) AS name_key
            FROM (SELECT unnest(w.models) AS model FROM written w) u WHERE u.model IS NOT NULL) d
        LEFT JOIN observed.model_name n ON n.name_key = d.name_key),
    -- A request without a vendor matches all vendors.
    vendor AS (
        SELECT d.vendor, lower(d.vendor) AS vendor_key, coalesce(v.vendor_id, lower(d.vendor)) AS vendor_id
        FROM (SELECT unnest(w.vendors) AS vendor FROM written w) d
        LEFT JOIN reference.vendor_alias v ON v.vendor = lower(d.vendor)
        WHERE d.vendor IS NOT NULL
        UNION ALL SELECT DISTINCT NULL, NULL, s.vendor_id FROM sold s, written w WHERE w.is_any_vendor),
    tier AS (
        SELECT d.service_tier, d.service_tier AS tier
        FROM (SELECT unnest(w.tiers) AS service_tier FROM written w) d WHERE d.service_tier IS NOT NULL
        UNION ALL SELECT NULL, 'standard' FROM written w WHERE w.is_any_tier),
    -- Under any name of its vendor, by the listing's own spelling; else by what the name means (another name of the
    -- same model, without "instruct"), if the vendor sells one listing of that meaning: not a variant (:free), nor
    -- another day than the one that is asked for.
    found AS (
        SELECT m.model, true AS is_spelled, s.vendor_key AS sold_by, s.vendor_id, s.listing, s.service_tier AS tier
        FROM model m JOIN sold s ON s.spoken = m.spoken
        UNION ALL
        SELECT m.model, false, s.vendor_key, s.vendor_id, s.listing, s.service_tier
        FROM model m JOIN sold s ON s.meant = m.meant
        WHERE s.spoken <> m.spoken AND m.meant <> '' AND may_mean_listing(m.spoken, m.snapshot, s.listing)),
    candidate AS (
        SELECT f.model, v.vendor, t.service_tier, f.tier, f.is_spelled, f.sold_by, f.vendor_id AS sold_by_id, f.listing,
            v.vendor_key
        FROM found f JOIN vendor v ON v.vendor_id = f.vendor_id JOIN tier t ON t.tier = f.tier),
    -- Of a vendor with several names the one that was written, then the vendor itself; of several spellings the one
    -- that was written.
    wanted AS (
        SELECT c.* FROM candidate c
        QUALIFY (c.is_spelled OR NOT bool_or(c.is_spelled) OVER (PARTITION BY c.model, c.vendor, c.service_tier))
            AND rank() OVER (PARTITION BY c.model, c.vendor, c.service_tier, c.sold_by_id, c.is_spelled
                ORDER BY coalesce(c.sold_by = c.vendor_key, false) DESC,
                coalesce(starts_with(c.sold_by, c.vendor_key || '-'), false) DESC, c.sold_by = c.sold_by_id DESC,
                c.listing = lower(c.model) DESC) = 1),
    asked AS (
        SELECT w.model, w.vendor, w.service_tier, w.tier, count(DISTINCT w.sold_by_id) AS vendor_count,
            count(*) AS listing_count,
            CASE WHEN count(*) = 1 THEN any_value(w.sold_by) END AS sold_by,
            CASE WHEN count(*) = 1 THEN any_value(w.listing) END AS listing
        FROM wanted w GROUP BY ALL),
    card AS (
        SELECT c.* FROM cell c, written w WHERE c.to_at > w.first_at
        UNION ALL BY NAME
        SELECT s.vendor_key, s.listing, s.service_tier, TIMESTAMPTZ '-infinity' AS from_at, s.first_at AS to_at
        FROM sold s, written w WHERE s.first_at > w.first_at)
    -- Several listings are ambiguous: one card without prices, for all times, with their number.
    SELECT a.model, a.vendor, a.service_tier, a.vendor_count, a.listing_count,
        coalesce(c.from_at, TIMESTAMPTZ '-infinity') AS from_at, coalesce(c.to_at, TIMESTAMPTZ 'infinity') AS to_at,
        coalesce(c.tokens_above, -1)::BIGINT AS tokens_above,
        coalesce(c.tokens_to, 9223372036854775807)::BIGINT AS tokens_to,
        60_000_000 * coalesce(c.first_minute, 0)::BIGINT AS day_from_us,
        60_000_000 * coalesce(c.last_minute, 1440)::BIGINT AS day_to_us,
        CASE WHEN c.source_id IS NOT NULL THEN c.vendor_key END AS priced_vendor, c.source_id AS price_source_id,
        c.capture_id AS price_capture_id, c.is_bundled AS is_price_bundled, c.input_usd_per_mtok, c.output_usd_per_mtok,
        coalesce(c.cached_read_usd_per_mtok, c.input_usd_per_mtok) AS cached_read_usd_per_mtok,
        coalesce(c.cached_write_usd_per_mtok, c.input_usd_per_mtok) AS cached_write_usd_per_mtok
    FROM asked a LEFT JOIN card c ON c.vendor_key = a.sold_by AND c.listing = a.listing AND c.service_tier = a.tier;
COMMENT ON MACRO TABLE _request_card IS
    'What request_cost looks up: every combination of model, vendor and service tier in a table of requests that has a '
    'listing, with its cards (token_price_card), by time, length of the prompt (tokens_above, exclusive, to tokens_to, '
    'inclusive) and part of the day (UTC, in microseconds). From the first request on a listing has a row for every '
    'time, without prices where none is known; several matching listings give one row without prices, with their '
    'numbers in vendor_count and listing_count. Without a listing there is no row. _request_card(''request_log'').';

CREATE OR REPLACE MACRO request_cost(requests, known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH priced AS (
        SELECT g.* EXCLUDE (day_us, read_tokens, written_tokens),
            c.* EXCLUDE (model, vendor, service_tier, from_at, to_at, tokens_above, tokens_to, day_from_us, day_to_us),
            g.read_tokens, g.written_tokens, g.input_tokens_count - g.read_tokens - g.written_tokens AS fresh_tokens
        FROM (SELECT g.*, epoch_us(g.requested_at) % 86_400_000_000 AS day_us,
            coalesce(g.cached_read_tokens_count, 0) AS read_tokens,
            coalesce(g.cached_write_tokens_count, 0) AS written_tokens
            FROM _request_priced(requests) g) g
        LEFT JOIN _request_card(requests, known_at := known_at) c ON c.model IS NOT DISTINCT FROM g.model
            AND c.vendor IS NOT DISTINCT FROM g.vendor AND c.service_tier IS NOT DISTINCT FROM g.service_tier
            AND g.requested_at >= c.from_at AND g.requested_at < c.to_at AND g.input_tokens_count > c.tokens_above
            AND g.input_tokens_count <= c.tokens_to
            AND g.day_us >= c.day_from_us AND g.day_us < c.day_to_us),
    costed AS (
        SELECT p.*,
            CASE WHEN p.fresh_tokens >= 0 AND p.read_tokens >= 0 AND p.written_tokens >= 0 THEN
                (p.fresh_tokens * p.input_usd_per_mtok + p.read_tokens * p.cached_read_usd_per_mtok
                    + p.written_tokens * p.cached_write_usd_per_mtok) / 1e6 END AS input_cost_usd,
            CASE WHEN p.output_tokens_count > 0 THEN p.output_tokens_count * p.output_usd_per_mtok / 1e6
                WHEN p.output_tokens_count = 0 THEN 0 END AS output_cost_usd
        FROM priced p)
    SELECT c.* EXCLUDE (vendor_count, listing_count, priced_vendor, read_tokens, written_tokens, fresh_tokens),
        c.priced_vendor, c.input_cost_usd + c.output_cost_usd AS cost_usd,
        CASE WHEN c.input_cost_usd IS NULL OR c.output_cost_usd IS NULL THEN CASE
            WHEN c.model IS NULL THEN 'model not given' WHEN c.requested_at IS NULL THEN 'time not given'
            WHEN c.input_tokens_count IS NULL OR c.output_tokens_count IS NULL THEN 'tokens not given'
            WHEN c.input_tokens_count < 0 OR c.output_tokens_count < 0 OR c.cached_read_tokens_count < 0
                OR c.cached_write_tokens_count < 0 THEN 'tokens below zero'
            WHEN c.fresh_tokens < 0 THEN 'more cached tokens than input tokens'
            WHEN c.vendor_count IS NULL AND isfinite(c.requested_at)
                THEN 'no price of this model, vendor and service tier'
            WHEN c.vendor_count > 1 THEN 'several vendors sell this model: name one'
            WHEN c.listing_count > 1 THEN 'the vendor has several models of this name: write it as the vendor does'
            WHEN c.priced_vendor IS NULL THEN 'no price known for its time'
            ELSE 'a price of the model is missing at its time' END END AS unknown
    FROM costed c;
COMMENT ON MACRO TABLE request_cost IS
    'Every row of a table of requests at the list prices in force at its own time (UTC), as known at known_at: input, '
    'cached and output tokens, tiers by length of the prompt, hours of the day. Columns that it reads: model, '
    'requested_at, input_tokens_count (all of the prompt, cached tokens too), output_tokens_count; and where there are '
    'any vendor (both under any of their names), service_tier (standard), cached_read_tokens_count, '
    'cached_write_tokens_count (none where NULL; at the input price where they have none of their own). All columns of '
    'the table come back; what is not known is NULL, with the reason in unknown. request_cost(''request_log'').';
