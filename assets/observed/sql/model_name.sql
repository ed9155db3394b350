-- Which model of reference.model a name means. A name that fits several means none.
CREATE OR REPLACE VIEW observed.model_name AS
    SELECT name_key, min(model_id) AS model_id FROM (
        SELECT model_key(model_id) AS name_key, model_id FROM reference.model
        UNION SELECT model_key(name), model_id FROM reference.model
        UNION SELECT model_key(alias), model_id FROM reference.model_alias)
    GROUP BY name_key HAVING count(*) = 1;
COMMENT ON VIEW observed.model_name IS
    'Names of models in the form of model_key, and the one model of reference.model that each means.';
CREATE OR REPLACE VIEW observed.token_model AS
    SELECT t.model, n.model_id, t.model_key
    FROM (SELECT DISTINCT model, model_key(model) AS model_key FROM observed.token_price_log) t
    LEFT JOIN observed.model_name n ON n.name_key = t.model_key;
COMMENT ON VIEW observed.token_model IS
    'Models of the token price log, as vendors write them, the key they share with other names of the same model, and '
    'the model of reference.model that each means (NULL: not in it).';
