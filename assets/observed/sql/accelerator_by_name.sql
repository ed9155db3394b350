-- Accelerators by what they are called where nothing but the name is told: shops, price lists. A name of several is
-- none.
CREATE OR REPLACE VIEW observed.accelerator_by_name AS
SELECT name_key, any_value(accelerator_id) AS accelerator_id, any_value(memory_gib) AS memory_gib
FROM (
    SELECT accelerator_key(alias) AS name_key, accelerator_id FROM reference.accelerator_alias
    WHERE provider IS NULL AND instance_pattern IS NULL AND memory_gib IS NULL
    UNION SELECT accelerator_key(name), accelerator_id FROM reference.accelerator
    UNION SELECT accelerator_key(accelerator_id), accelerator_id FROM reference.accelerator)
JOIN reference.accelerator USING (accelerator_id)
GROUP BY name_key HAVING count(DISTINCT accelerator_id) = 1;
COMMENT ON VIEW observed.accelerator_by_name IS
    'Which accelerator a bare name means; names that several share are left out.';
