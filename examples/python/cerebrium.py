"""main.py of an app on Cerebrium: the model is loaded once, when the container starts, and predict() is the endpoint.

Write the model to the app's disk before: python -m tzio serialize --hf-model-id ID --precision float16 --output \
/persistent-storage/model. A program that used tensorizer has changed one import.
"""

import os

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from tzio.tensorizer import TensorDeserializer
from tzio.tensorizer.utils import convert_bytes, no_init_or_tensor

FOLDER = os.environ.get("MODEL_FOLDER", "/persistent-storage/model")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

with no_init_or_tensor():
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(FOLDER))
with TensorDeserializer(os.path.join(FOLDER, "model.tensors"), device=DEVICE) as deserializer:
    deserializer.load_into_module(model)
print(f"loaded {convert_bytes(deserializer.total_tensor_bytes)}", flush=True)
model.to(DEVICE).eval()  # also the buffers that no file has
tokenizer = AutoTokenizer.from_pretrained(FOLDER)


def predict(prompt: str, max_new_tokens: int = 16) -> dict[str, str]:
    """What the model makes of a prompt, without chance."""
    tokens = tokenizer(prompt, return_tensors="pt").to(DEVICE)
    with torch.no_grad():
        made = model.generate(
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            max_new_tokens=max_new_tokens,
            do_sample=False,
            pad_token_id=tokenizer.eos_token_id,
        )
    return {"result": tokenizer.decode(made[0], skip_special_tokens=True)}
