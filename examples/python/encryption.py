"""Encrypts the weights of a model, and reads them back with the key, and in vain without.

python encryption.py MODEL_FILE ENCRYPTED.tensors KEY_FILE
"""

import argparse
import os
import secrets

import tzio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a file or folder of tensors")
    parser.add_argument("encrypted", help="the file to be written")
    parser.add_argument("key_file", help="gets a new key, for its owner alone")
    arguments = parser.parse_args()

    key = secrets.token_bytes(32)
    descriptor = os.open(arguments.key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.hex() + "\n")

    tensors = tzio.load_file(arguments.model)
    tzio.save_file(tensors, arguments.encrypted, key=key)
    again = tzio.load_file(arguments.encrypted, key=key)
    print(f"{len(again)} tensors decrypted")
    try:
        tzio.load_file(arguments.encrypted)
    except tzio.CryptographyError as error:
        print(f"without the key: {error}")


if __name__ == "__main__":
    main()
