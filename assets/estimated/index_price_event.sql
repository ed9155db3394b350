-- Days on which an offer of an accelerator begins or ends: between them nothing changes.
SELECT accelerator_id, purchase_option, index_on, lag(index_on) OVER (PARTITION BY accelerator_id, purchase_option ORDER BY index_on) AS before_on
FROM (
    SELECT accelerator_id, purchase_option, began_on AS index_on FROM {counted} WHERE began_on < end_on
    UNION SELECT accelerator_id, purchase_option, counts_to_on FROM {counted} WHERE counts_to_on < end_on)
