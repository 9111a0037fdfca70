"""Models of transformers that take no time, made on the spot, and what they say."""

import tokenizers
import torch
import transformers

WORDS = "a b c d e f g the cat sat on mat".split()


def save_model(folder, *, tied=False, tokenizer=True):
    """A Llama with random weights, and a tokenizer of words."""
    torch.manual_seed(7)
    config = transformers.LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=4,
        tie_word_embeddings=tied,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    model.generation_config.max_length = 77
    model.save_pretrained(folder)
    if tokenizer:
        words = {"<unk>": 0, "</s>": 1, **{word: place for place, word in enumerate(WORDS, 2)}}
        made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
        made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
        wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", eos_token="</s>")
        wrapped.save_pretrained(folder)
    return model


def experts(layers):
    """A Mixtral with random weights, whose experts transformers joins when it loads them."""
    torch.manual_seed(5)
    config = transformers.MixtralConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_local_experts=4,
    )
    return transformers.MixtralForCausalLM(config)


def logits(model):
    with torch.no_grad():
        return model(torch.arange(20)[None]).logits
