-- Resolves the name of an accelerator: its id, its product name, an alias or a family; an ambiguous name gives all its
-- meanings.
CREATE OR REPLACE MACRO _accelerator_written() AS TABLE
    SELECT DISTINCT accelerator_key(w.written) AS written_key, w.accelerator_id
    FROM (
        SELECT a.accelerator_id, a.accelerator_id AS written
        FROM reference.accelerator a
        UNION ALL SELECT a.accelerator_id, a.name
        FROM reference.accelerator a
        UNION ALL SELECT a.accelerator_id, split_part(a.accelerator_id, '-', 2)
        FROM reference.accelerator a
        UNION ALL SELECT a.accelerator_id, split_part(a.accelerator_id, '-', 2) || split_part(a.accelerator_id, '-', -1)
        FROM reference.accelerator a
        UNION ALL SELECT l.accelerator_id, l.alias
        FROM reference.accelerator_alias l) w;
COMMENT ON MACRO TABLE _accelerator_written IS
    'Every way to write an accelerator, by accelerator_key, and what it may mean.';

-- nvidia-a100-80gb (whose form factor is not stated) is also how its forms are called.
CREATE OR REPLACE MACRO _is_meant_by(accelerator_id, written) AS
    accelerator_id = lower(written) OR lower(written) NOT IN (SELECT a.accelerator_id FROM reference.accelerator a);
COMMENT ON MACRO _is_meant_by IS
    'Of accelerators that a name may mean, those that it does: an id means itself alone, another name all of them.';

CREATE OR REPLACE MACRO accelerator_ids(accelerator) AS TABLE
    WITH asked AS (SELECT accelerator_key(accelerator::VARCHAR) AS asked_key, accelerator::VARCHAR AS asked_name)
    SELECT w.accelerator_id FROM _accelerator_written() w
    JOIN asked q ON w.written_key = q.asked_key AND _is_meant_by(w.accelerator_id, q.asked_name);
COMMENT ON MACRO TABLE accelerator_ids IS
    'Accelerators that a name may mean: accelerator_ids(''H100''), accelerator_ids(''A100 80GB''); case and '
    'punctuation do not count. An id means itself alone.';
