"""Loads a part of a model: what is left out is never read.

python filter.py --model-uri s3://models/llama/model.tensors 'model.layers.0.*' '*.norm.weight'
"""

import argparse
from fnmatch import fnmatchcase

import tzio
from tzio.tensorizer import TensorDeserializer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-uri", required=True, help="a file, folder or URL of tensors")
    parser.add_argument("patterns", nargs="+", help="of names of tensors")
    arguments = parser.parse_args()

    with tzio.open(arguments.model_uri, tensors=arguments.patterns) as file:
        for name, tensor in file:
            print(f"{name}: {list(tensor.shape)}")
        print(f"read {file.stats.bytes} bytes of {sum(each.bytes for each in tzio.info(arguments.model_uri))}")

    # A function of a name does as well; and so it is with the interface of tensorizer.
    def wanted(name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in arguments.patterns)

    tensors = tzio.load_file(arguments.model_uri, tensors=wanted)
    print(f"the function keeps {len(tensors)}")
    if arguments.model_uri.endswith(".tensors"):
        with TensorDeserializer(arguments.model_uri, device="cpu", filter_func=wanted) as deserializer:
            print(f"filter_func keeps {len(deserializer)}")


if __name__ == "__main__":
    main()
