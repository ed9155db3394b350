-- Where several sources state the offers of one provider, one of them speaks, so that no offer counts twice. Two
-- windows, since the second orders by the first: offers_said in a SELECT, then is_spoken in the QUALIFY over it. job is
-- what the offers are taken for: a scenario, a day, a column or several.
CREATE OR REPLACE MACRO offers_said(job, provider, source_id) AS count(*) OVER (PARTITION BY job, provider, source_id);
COMMENT ON MACRO offers_said IS
    '1; offers that a source states of a provider for a job, a window over the offers: who of several sources speaks '
    'follows from it, see is_spoken.';
CREATE OR REPLACE MACRO is_spoken(job, provider, source_rank, said_count, source_id) AS
    dense_rank() OVER (PARTITION BY job, provider ORDER BY source_rank, said_count DESC, source_id) = 1;
COMMENT ON MACRO is_spoken IS
    'Whether an offer is of the one source that speaks for its provider: the lowest source_rank, then the one that '
    'states most offers (offers_said), then by name; a window over the offers.';
-- Of a region, its own offers are what is paid there; those without a region hold where it has none.
CREATE OR REPLACE MACRO is_at_place(offer_region, region) AS
    region IS NULL OR lower(offer_region) = lower(region) OR offer_region = 'global';
COMMENT ON MACRO is_at_place IS
    'Whether an offer holds in a region: it is of the region, or of all (global); any offer where no region is named '
    '(NULL).';
CREATE OR REPLACE MACRO rank_at_place(source_rank, offer_region, region) AS
    2 * source_rank + CASE WHEN lower(offer_region) <> lower(region) THEN 1 ELSE 0 END;
COMMENT ON MACRO rank_at_place IS
    '1; rank of an offer for a region, in place of source_rank in is_spoken: the better source first, and of sources '
    'as good the offers of the region before those that hold in all regions.';
-- Where no boundary is asked for, what a grid emits over the life of its plants is preferred.
CREATE OR REPLACE MACRO _boundary_rank(basis_boundary) AS
    CASE basis_boundary WHEN 'lifecycle' THEN 1 WHEN 'direct' THEN 2 ELSE 3 END;
COMMENT ON MACRO _boundary_rank IS
    '1; rank of a boundary of carbon where none is asked for, the lowest is chosen: lifecycle before direct.';

-- Of the years of a zone: until when a measured one counts before an estimated one that is newer. Official yearly figures
-- appear up to two years late; see region_carbon.
CREATE OR REPLACE MACRO is_year_for(span_from, span_to, instant) AS
    span_to <= instant OR (span_from <= instant AND extract(month FROM span_from AT TIME ZONE 'UTC') = 1);
COMMENT ON MACRO is_year_for IS
    'Whether a year of twelve months (observed.grid_carbon_span) may stand for an instant: it has ended by then, or it '
    'is the calendar year (UTC) that holds it.';
CREATE OR REPLACE MACRO year_rank(basis_kind, span_to, instant, source_rank, resolution, source_id) AS
    {'is_old': epoch(instant) - epoch(span_to) > 1096 * 86400, 'is_estimated': basis_kind <> 'actual',
        'age_s': -epoch(span_to), 'source_rank': source_rank,
        'fineness': CASE WHEN resolution = 'mixed' THEN 0 ELSE resolution_rank(resolution) END,
        'source_id': source_id};
COMMENT ON MACRO year_rank IS
    'Rank of a year of a zone for an instant, the lowest stands for it: one that ended at most three years before (1096 '
    'days), measured before estimated, the latest, the lowest source_rank, slots of several lengths together before those '
    'of one (mixed), the finest slots, the source by name.';
