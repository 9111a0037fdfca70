"""A predictor for KServe that streams its model from S3, or from wherever --model-uri says, without a copy on a disk.

python predictor.py --model_name tiny --model-uri s3://models/tiny/fp16 --device cuda

It answers to protocol v1: {"instances": ["a prompt", {"prompt": "...", "max_new_tokens": 8}]} gives
{"predictions": [...]}.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import threading
from typing import Any

import torch
import tzio.transformers

#: Of a request; the model's own limit may be lower.
NEW_TOKENS_MAX = 1024


class Generator:
    """A model with its tokenizer. Any thread; one prompt at a time."""

    def __init__(self, uri: str, device: str, dtype: str | None = None, **secret: str | bytes) -> None:
        self._model = tzio.transformers.from_pretrained(uri, device, dtype, **secret)
        self._tokenizer = tzio.transformers.tokenizer_from_pretrained(uri)
        self._one_at_a_time = threading.Lock()

    def __call__(self, prompt: str, max_new_tokens: int = 16) -> str:
        tokens = self._tokenizer(prompt, return_tensors="pt").to(self._model.device)
        with self._one_at_a_time, torch.no_grad():
            made = self._model.generate(
                input_ids=tokens["input_ids"],
                attention_mask=tokens["attention_mask"],
                max_new_tokens=max_new_tokens,
                do_sample=False,
                pad_token_id=self._tokenizer.eos_token_id,
            )
        return str(self._tokenizer.decode(made[0], skip_special_tokens=True))


def predictor(name: str, load: Any) -> Any:
    """A kserve.Model that is ready when load() has given it a Generator."""
    import kserve
    from kserve.errors import InvalidInput

    class Predictor(kserve.Model):  # type: ignore[misc]
        def load(self) -> bool:
            self.generator = load()
            self.ready = True
            return self.ready

        async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> dict[str, Any]:
            instances = payload.get("instances") if isinstance(payload, dict) else None
            if not isinstance(instances, list):
                raise InvalidInput('expected {"instances": [...]} of protocol v1')
            wanted = [_checked(instance) for instance in instances]  # all, before the first takes its time
            return {"predictions": [await asyncio.to_thread(self.generator, *each) for each in wanted]}

    def _checked(instance: Any) -> tuple[str, int]:
        given = instance if isinstance(instance, dict) else {"prompt": instance}
        prompt, count = given.get("prompt"), given.get("max_new_tokens", 16)
        if not isinstance(prompt, str) or not prompt:
            raise InvalidInput("an instance is a prompt, or has one")
        if type(count) is not int or not 1 <= count <= NEW_TOKENS_MAX:
            raise InvalidInput(f"max_new_tokens is 1 to {NEW_TOKENS_MAX}")
        return prompt, count

    return Predictor(name)


def parser(*parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, parents=parents, conflict_handler="resolve")
    made.add_argument("--model_name", "--model-name", default="model", help="of the endpoint /v1/models/NAME:predict")
    made.add_argument(
        "--model-uri",
        default=os.environ.get("MODEL_URI", "/mnt/models"),
        help="a folder, file or URL; by default MODEL_URI, or where KServe's storage initializer puts models",
    )
    made.add_argument("--precision", choices=["float16", "bfloat16", "float32"], help="other than the files'")
    made.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    made.add_argument("--port", "--http_port", dest="http_port", type=int, default=8080)
    made.add_argument("--key-file", help="with the key of an encrypted model, in hex digits or bytes")
    made.add_argument("--password-file", help="with its password")
    return made


def secret_of(arguments: argparse.Namespace) -> dict[str, bytes]:
    for name, path in (("key", arguments.key_file), ("password", arguments.password_file)):
        if path:
            with open(path, "rb") as file:
                content = file.read()
            return {name: content if name == "key" and len(content) == 32 else content.rstrip(b"\r\n")}
    return {}


def main() -> None:
    import kserve
    from kserve import model_server

    arguments = parser(model_server.parser).parse_args()
    model = predictor(
        arguments.model_name,
        lambda: Generator(arguments.model_uri, arguments.device, arguments.precision, **secret_of(arguments)),
    )
    model.load()
    kserve.ModelServer(http_port=arguments.http_port).start([model])


if __name__ == "__main__":
    main()
