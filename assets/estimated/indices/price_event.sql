-- Days on which an offer of an accelerator begins or ends, each with the one before: between them nothing changes.
SELECT accelerator_id, purchase_option, index_on,
    lag(index_on) OVER (PARTITION BY accelerator_id, purchase_option ORDER BY index_on) AS before_on
FROM (SELECT DISTINCT e.accelerator_id, e.purchase_option, e.index_on FROM {edge} e WHERE e.index_on < {end_on})
