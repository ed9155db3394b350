"""Rules by which what a scenario leaves out is looked up, the newest of each kind first; an older one is kept to restate estimates by it."""

from __future__ import annotations

#: SQL of the offers that count, and whether each provider counts once.
RATE_RULES = {
    "rate-3": (
        "(FROM in_force WHERE is_at_place AND has_region QUALIFY is_spoken(scenario_id, provider, place_rank, said_count, source_id))",
        "true",
    ),
    "rate-2": (
        "(FROM (SELECT * REPLACE (offers_said(scenario_id, provider, source_id) AS said_count) FROM in_force WHERE is_at_place) "
        "QUALIFY is_spoken(scenario_id, provider, source_rank, said_count, source_id))",
        "true",
    ),
    "rate-1": ("(FROM in_force WHERE is_at_place)", "false"),
}

#: The year of a grid that stands for as_of (`year_rank`); `{spans}` are filled in later.
_YEAR = """SELECT w.scenario_id, w.as_of_at, w.wanted_zone, g.*
    FROM wanted w JOIN {spans} g ON g.zone = w.zone
    WHERE g.grain = 'yearly' AND g.basis_method = 'average' AND g.basis_accounting = 'location'
        AND g.mean_gco2e_per_kwh > 0 AND is_year_for(g.span_from, g.span_to, w.as_of_at)
    QUALIFY row_number() OVER (
        PARTITION BY w.scenario_id
        ORDER BY _boundary_rank(g.basis_boundary), g.zone = w.wanted_zone DESC,
            year_rank(g.basis_kind, g.span_to, w.as_of_at, g.source_rank, g.resolution, g.source_id)
    ) = 1"""

#: SQL of the grid of a scenario without a start, and how its origin names the time. By grid-3 the year that stands for as_of, by grid-2 the
#: same of slots of one length alone, so that a zone had no year until twelve months after its publisher went over from hours to quarter-hours.
#: By grid-1 the slot that holds as_of, if only half an hour, or the latest before it: a training of months emitted in the afternoon a third of
#: what it emitted in the morning. All take one boundary, and the zone of the region before its country.
GRID_RULES = {
    "grid-3": (_YEAR, "12 months from"),
    "grid-2": (_YEAR.replace("WHERE ", "WHERE g.resolution <> 'mixed' AND "), "12 months from"),
    "grid-1": (
        """SELECT s.*, s.valid_from AS span_from, s.slot_end AS span_to, s.intensity AS mean_gco2e_per_kwh,
        NULL::VARCHAR AS source_id, (s.basis_kind = 'estimated')::INTEGER AS estimated_share
    FROM petaday_slot s SEMI JOIN wanted w ON w.scenario_id = s.scenario_id
    WHERE s.valid_from <= s.as_of_at
    QUALIFY row_number() OVER (
        PARTITION BY s.scenario_id
        ORDER BY s.boundary_rank, s.zone = s.wanted_zone DESC, s.slot_end > s.as_of_at DESC,
            CASE WHEN s.slot_end > s.as_of_at THEN s.kind_rank END, CASE WHEN s.slot_end > s.as_of_at THEN s.fineness END,
            s.valid_from DESC, s.basis_kind, s.capture_id DESC
    ) = 1""",
        "from",
    ),
}

RATE_RULE, GRID_RULE = next(iter(RATE_RULES)), next(iter(GRID_RULES))
#: Every rule by its name.
RULES = (*RATE_RULES, *GRID_RULES)
