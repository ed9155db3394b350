-- Attention: how much each token sees where layers have a window, and the width that it is computed in.
CREATE OR REPLACE MACRO attention_width(attention_head_count, head_dimension_count, rope_head_dimension_count) AS
    attention_head_count::DOUBLE * (head_dimension_count + coalesce(rope_head_dimension_count, 0) / 2.0);
COMMENT ON MACRO attention_width IS '1; heads times the mean dimension of keys and values, where keys carry a rotary part beside that of values (multi-head latent attention: of the latent vector itself while decoding, as its projections are absorbed); arXiv 2405.04434 section 2.1 and appendix C';

CREATE OR REPLACE MACRO attended_tokens_count(context_tokens_count, layer_count, local_layer_count, attention_window_tokens_count) AS
    CASE WHEN coalesce(local_layer_count, 0) = 0 THEN context_tokens_count::DOUBLE
        ELSE context_tokens_count - local_layer_count::DOUBLE / layer_count * (greatest(context_tokens_count, attention_window_tokens_count) - attention_window_tokens_count) END;
COMMENT ON MACRO attended_tokens_count IS 'token; of a context, what a layer sees and holds in the mean over layers: the whole in most, the window in local ones (sliding window, or chunk at its longest); arXiv 2310.06825 section 2, arXiv 2408.00118 section 2';

CREATE OR REPLACE MACRO mean_attended_tokens_count(earlier_tokens_count, tokens_count, layer_count, local_layer_count, attention_window_tokens_count) AS
    CASE WHEN coalesce(local_layer_count, 0) = 0 THEN earlier_tokens_count + tokens_count::DOUBLE / 2
        ELSE earlier_tokens_count + tokens_count::DOUBLE / 2 - local_layer_count::DOUBLE / layer_count
            * ((greatest(earlier_tokens_count + tokens_count, attention_window_tokens_count) - attention_window_tokens_count)::DOUBLE ** 2
                - (greatest(earlier_tokens_count, attention_window_tokens_count) - attention_window_tokens_count)::DOUBLE ** 2) / (2 * tokens_count) END;
COMMENT ON MACRO mean_attended_tokens_count IS 'token; the same in the mean over tokens that follow on earlier ones one by one: half the prompt while it is read, prompt and half the answer while that is written, less what lies outside the window of local layers; derived from attended_tokens_count';

CREATE OR REPLACE MACRO attention_flop(layer_count, attention_width_count, tokens_count, seen_tokens_count) AS
    4.0::DOUBLE * layer_count * attention_width_count * tokens_count * seen_tokens_count;
COMMENT ON MACRO attention_flop IS 'FLOP; forward pass of attention for tokens that each see so many: two products of 2 FLOP; arXiv 2204.02311 appendix B (12 L H Q T, of which a third is forward)';

CREATE OR REPLACE MACRO encoder_decoder_attention_flop_per_token(encoder_layer_count, decoder_layer_count, attention_width_count, source_tokens_count, target_tokens_count) AS
    12.0::DOUBLE * attention_width_count * (encoder_layer_count::DOUBLE * source_tokens_count ** 2
        + decoder_layer_count::DOUBLE * target_tokens_count * (target_tokens_count + source_tokens_count)) / (source_tokens_count + target_tokens_count);
COMMENT ON MACRO encoder_decoder_attention_flop_per_token IS 'FLOP/token; attention in forward and backward pass of an encoder-decoder, per token of source and target together: source tokens see each other in the encoder, target tokens each other and the whole source in the decoder; arXiv 1706.03762 section 3.2.3, counted as in arXiv 2204.02311 appendix B; derived';
