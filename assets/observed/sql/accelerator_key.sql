-- Names of accelerators as publishers write them, brought to one form for matching.
CREATE OR REPLACE MACRO accelerator_key(name) AS
    regexp_replace(regexp_replace(lower(name), '[^a-z0-9]', '', 'g'),
        'nvidia|amd|google|geforce|tesla|intel|aws', '', 'g');
COMMENT ON MACRO accelerator_key IS
    'An accelerator name without case, punctuation and maker, for matching with reference.accelerator_alias.';
