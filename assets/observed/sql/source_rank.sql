-- NESO and Energy-Charts state an intensity of their own; what is computed here from their mix never stands in its way,
-- on whatever basis it is.
CREATE OR REPLACE MACRO _is_second_word(source_id) AS source_id IN ('gb_carbon_intensity_mix', 'energy_charts_mix');
COMMENT ON MACRO _is_second_word IS
    'Whether a source is a carbon intensity computed here from the generation mix of a publisher that states an '
    'intensity itself: chosen where that one says nothing on the basis asked for.';

-- Who is believed where several speak of the same thing: written once, used by the index, the views and the macros.
CREATE OR REPLACE MACRO source_rank(source_id) AS
    CASE WHEN source_id LIKE 'starter%' THEN 9
         WHEN source_id IN ('gpuhunt', 'skypilot', 'gcp_pricing_yml', 'genai_prices')
             OR _is_second_word(source_id) THEN 2
         WHEN source_id IN ('litellm', 'simonw') THEN 3
         WHEN source_id IN ('gpurentalprices', 'tardellirs', 'aws_p5_series', 'openrouter', 'fsdl') THEN 4
         ELSE 1 END;
COMMENT ON MACRO source_rank IS
    'Rank of a source where several state the same thing, the lowest is chosen: 1 the seller or operator itself, 2 '
    'catalogs read from its interface and intensities computed here beside its own, 3 lists kept by hand, 4 '
    'collections and routed prices, 9 the set that ships with Petaday.';

-- How long a price counts that nobody has confirmed or replaced since.
CREATE OR REPLACE MACRO _counted_days(is_bundled) AS CASE WHEN is_bundled THEN 548 ELSE 45 END;
COMMENT ON MACRO _counted_days IS 'd; how long a price counts that nobody has confirmed or replaced since.';
CREATE OR REPLACE MACRO counts_until(valid_to, confirmed_at, is_bundled) AS
    coalesce(valid_to, confirmed_at + to_days(_counted_days(is_bundled)));
COMMENT ON MACRO counts_until IS
    'Until when a price counts: its end; else 45 days after a complete answer of its source last confirmed it (548 '
    'days for the dated facts that ship with Petaday).';

-- One number for an offer, so that its prices are told from those of others by comparing one column.
CREATE OR REPLACE MACRO _price_offer_key(source_id, scope, provider, region, instance_type, offer_variant) AS
    (hash(source_id, scope, provider, region, instance_type, offer_variant) >> 1)::BIGINT;
COMMENT ON MACRO _price_offer_key IS '1; number of an offer in estimated.price_offer.';

-- Lists that people type have slips: cents for dollars, a comma, another model's line. A real change of price is hardly
-- ever eightfold.
CREATE OR REPLACE MACRO far_apart(price, other_price) AS greatest(price, other_price) >= 8 * least(price, other_price);
COMMENT ON MACRO far_apart IS
    'Whether two prices of one thing differ eightfold or more: a slip in one of them, not a change of price.';
CREATE OR REPLACE MACRO is_alike(price, other_price) AS abs(price - other_price) <= 0.005 * other_price;
COMMENT ON MACRO is_alike IS
    'Whether two prices of one thing are the same but for half a per cent: rounding, and the reference rate of another '
    'day.';
-- A list that came to say what another had said all along has corrected itself. (What it said before does not count:
-- the other may lag behind a change.)
CREATE OR REPLACE MACRO is_outvoted(price, later_price, said) AS
    -- Who alone speaks is not outvoted; most are, and a list walked in vain takes its time.
    CASE WHEN coalesce(len(said), 0) < 2 THEN false ELSE len(list_filter(said, lambda s: far_apart(price, s.price)
        AND len(list_distinct(list_transform(list_filter(said, lambda o: is_alike(o.price, s.price)),
            lambda o: o.source_id)))
            + coalesce(is_alike(later_price, s.price), false)::INT >= 2)) > 0 END;
COMMENT ON MACRO is_outvoted IS
    'Whether two sources agree (within half a per cent) on a price that is far_apart from this one, or one source and '
    'the next price (later_price) of the one that said this; said is the list of {source_id, price} for one thing at '
    'one time. Such a price is believed last.';
-- A list that lags behind a change of price. One whose own earlier price is what the others agree on is not behind but
-- ahead of them. What ships with Petaday has no vote: it stays as it was compiled.
CREATE OR REPLACE MACRO _speakers(said, price) AS
    len(list_distinct(list_transform(
        list_filter(said, lambda o: is_alike(o.price, price) AND source_rank(o.source_id) < 9),
        lambda o: o.source_id)));
COMMENT ON MACRO _speakers IS
    '1; how many sources, without what ships with Petaday, say this price (within half a per cent).';
CREATE OR REPLACE MACRO is_behind(price, earlier_price, said) AS
    CASE WHEN coalesce(len(said), 0) < 3 THEN false
        ELSE len(list_filter(said, lambda s: s.price > 0 AND NOT is_alike(s.price, price)
            AND NOT coalesce(is_alike(earlier_price, s.price), false)
            AND _speakers(said, s.price) >= 2 AND _speakers(said, s.price) > _speakers(said, price))) > 0 END;
COMMENT ON MACRO is_behind IS
    'Whether two other sources, and more than say this price, agree (within half a per cent) on another one that is '
    'not the earlier price (earlier_price) of the source that said this; said is the list of {source_id, price} for '
    'one thing at one time, in one tier. Such a price is believed last: in 508 prices that three lists told on six '
    'days of 2025 and 2026 it was so 12 times, each time the price of before a change.';
