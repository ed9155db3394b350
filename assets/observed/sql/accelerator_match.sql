-- Which accelerator an offer has, and by which rule: by the provider's instance type, else by the name as written,
-- narrowed by memory, provider and instance. What cannot be told apart stays unmatched; nothing is guessed.
WITH offer AS (
    SELECT DISTINCT provider, instance_type, accelerator_name, accelerator_memory_gib
    FROM observed.cloud_rate_log WHERE is_offered),
by_instance AS (
    SELECT o.*, i.accelerator_id, i.accelerator_count, 'instance_type' AS rule
    FROM offer o JOIN reference.instance_accelerator i ON lower(i.provider) = o.provider
        AND lower(i.instance_type) = lower(o.instance_type)),
candidate AS (
    SELECT o.*, a.accelerator_id,
        (a.instance_pattern IS NOT NULL)::INT * 4 + (a.memory_gib IS NOT NULL)::INT * 2
            + (a.provider IS NOT NULL)::INT AS specific
    FROM offer o
    JOIN reference.accelerator_alias a ON accelerator_key(a.alias) = accelerator_key(o.accelerator_name)
    JOIN reference.accelerator r USING (accelerator_id)
    WHERE (a.provider IS NULL OR a.provider = o.provider)
      AND (a.memory_gib IS NULL OR abs(o.accelerator_memory_gib / a.memory_gib - 1) <= 0.08)
      AND (a.instance_pattern IS NULL OR regexp_matches(lower(o.instance_type), lower(a.instance_pattern)))
      -- A card with another memory than the accelerator's is a slice, a modification or a mistake.
      AND (o.accelerator_memory_gib IS NULL OR r.memory_gib IS NULL
          OR abs(o.accelerator_memory_gib / r.memory_gib - 1) <= 0.18)),
best AS (
    SELECT * FROM candidate
    QUALIFY specific = max(specific) OVER (
        PARTITION BY provider, instance_type, accelerator_name, accelerator_memory_gib)),
by_name AS (
    SELECT provider, instance_type, accelerator_name, accelerator_memory_gib,
        any_value(accelerator_id) AS accelerator_id, NULL::DOUBLE AS accelerator_count, 'alias' AS rule
    FROM best GROUP BY ALL HAVING count(DISTINCT accelerator_id) = 1)
SELECT o.provider, o.instance_type, o.accelerator_name, o.accelerator_memory_gib,
    coalesce(i.accelerator_id, n.accelerator_id) AS accelerator_id, i.accelerator_count,
    coalesce(i.rule, n.rule, 'unmatched') AS rule
FROM offer o
LEFT JOIN by_instance i ON i.provider = o.provider AND i.instance_type = o.instance_type
    AND i.accelerator_name IS NOT DISTINCT FROM o.accelerator_name
    AND i.accelerator_memory_gib IS NOT DISTINCT FROM o.accelerator_memory_gib
LEFT JOIN by_name n ON n.provider = o.provider AND n.instance_type = o.instance_type
    AND n.accelerator_name IS NOT DISTINCT FROM o.accelerator_name
    AND n.accelerator_memory_gib IS NOT DISTINCT FROM o.accelerator_memory_gib
