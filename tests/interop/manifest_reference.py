"""Manifests by docs/manifest.md alone, with nothing of tz: hashlib, and libnacl for Ed25519.

Run as a program, it prints the test vectors of that document.
"""

import hashlib
import struct
import sys
from pathlib import Path

MAGIC = b"TZMANIF1"
PIECE_BYTES = 8 << 20


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def sized(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


def subject_of(text: str) -> bytes:
    return sha256(b"tzmanif1 subject" + sized(text.encode()))


def subkey(key: bytes, number: int) -> bytes:
    """libsodium's crypto_kdf_derive_from_key()."""
    salt, context = struct.pack("<QQ", number, 0), b"tzmanif1" + bytes(8)
    return hashlib.blake2b(b"", digest_size=32, key=key, salt=salt, person=context).digest()


def keyed(key: bytes, number: int, message: bytes) -> bytes:
    return hashlib.blake2b(message, digest_size=32, key=subkey(key, number)).digest()


def signed_message(kind: int, root: bytes) -> bytes:
    return b"tzmanif1 signature" + struct.pack("<H", kind) + root


def block(kind: int, key_id: bytes, signature: bytes) -> bytes:
    return struct.pack("<HH", kind, len(key_id) + len(signature)) + key_id + signature


def file_key_block(key: bytes, root: bytes) -> bytes:
    return block(1, keyed(key, 2, b"tzmanif1 key"), keyed(key, 1, signed_message(1, root)))


def ed25519_block(seed: bytes, root: bytes) -> bytes:
    import libnacl

    public, secret = libnacl.crypto_sign_seed_keypair(seed)
    signature = libnacl.crypto_sign_detached(signed_message(2, root), secret)
    return block(2, sha256(b"tzmanif1 key" + public), signature)


class TensorsFile:
    """Where things are in a `.tensors` file."""

    kind = 1

    def __init__(self, data: bytes):
        self.data = data
        self.flags = struct.unpack_from("<Q", data, 9)[0]
        count, region = struct.unpack_from("<QQ", data, 57)
        self.region_end = 73 + region
        self.headers, self.data_bytes, at = [], 0, 73
        for _ in range(count):
            at = self.entry(at)
        self.entries_end = at

    def entry(self, at: int) -> int:
        size = 4
        if self.flags & 2:
            size = 8 if struct.unpack_from("<I", self.data, at)[0] == 5 else 4
            at += 4
        at += 2 + struct.unpack_from("<H", self.data, at)[0] + 1
        at += 1 + self.data[at]
        at += 1 + self.data[at] * size
        header, data, length = struct.unpack_from("<QQQ", self.data, at)
        self.headers.append((header, self.data[header:data]))
        self.data_bytes += length
        return at + 24

    @property
    def head(self) -> bytes:
        return self.data[:73]

    @property
    def entries(self) -> bytes:
        return self.data[73 : self.entries_end]

    def plain(self) -> bytes:
        """The file as pieces see it."""
        zeros = bytes(self.region_end - self.entries_end)
        return self.data[: self.entries_end] + zeros + self.data[self.region_end :]

    def manifest(self) -> bytes:
        end = self.data[: self.region_end]
        assert end[-8:] == MAGIC
        return end[-struct.unpack("<I", end[-12:-8])[0] :]


class SafetensorsFile:
    kind = 2

    def __init__(self, data: bytes):
        import json

        self.data = data
        length = struct.unpack_from("<Q", data)[0]
        self.head, self.entries = data[:8], data[8 : 8 + length]
        self.headers = []
        self.tensors = len([name for name in json.loads(self.entries) if name != "__metadata__"])
        self.data_bytes = len(data) - 8 - length

    def plain(self) -> bytes:
        return self.data


def read(data: bytes):
    return TensorsFile(data) if data.startswith(b"|TZR|") else SafetensorsFile(data)


def build(data: bytes, subject=bytes(32), piece_bytes=PIECE_BYTES, list_headers=True, blocks=()):
    """The manifest of a file, and its root. `blocks` are functions of the root, in their order."""
    file = read(data)
    plain = file.plain()
    steps = range(0, len(plain), piece_bytes) if piece_bytes else ()
    pieces = [sha256(plain[at : at + piece_bytes]) for at in steps]
    headers = [(offset, sha256(header)) for offset, header in file.headers]
    tensors = len(headers) if file.kind == 1 else file.tensors
    fixed = struct.pack("<HHQQQ", 1, 1, len(data), tensors, file.data_bytes)
    fixed += subject + struct.pack("<QQ", piece_bytes, len(pieces))
    covered = b"tzmanif1 root" + bytes([file.kind]) + fixed + sized(file.head) + sized(file.entries)
    covered += struct.pack("<Q", len(headers))
    covered += b"".join(struct.pack("<Q", offset) + digest for offset, digest in headers)
    root = sha256(covered + struct.pack("<Q", len(pieces)) + b"".join(pieces))
    listed = [digest for _, digest in headers] if list_headers else []
    body = MAGIC + fixed + root + struct.pack("<Q", len(listed)) + b"".join(listed + pieces)
    body += struct.pack("<H", len(blocks)) + b"".join(one(root) for one in blocks)
    return body + struct.pack("<I", len(body) + 12) + MAGIC, root


def main():
    data = Path(__file__).parents[1] / "data"
    key = bytes.fromhex((data / "key.hex").read_text())
    seed = bytes(range(32))
    signers = {
        "file key": lambda root: file_key_block(key, root),
        "Ed25519": lambda root: ed25519_block(seed, root),
    }
    print("subject", subject_of("org/model@1").hex())
    for name in sys.argv[1:]:
        content = (data / name).read_bytes()
        for pieces in 0, PIECE_BYTES:
            manifest, root = build(content, subject_of("org/model@1"), pieces, True, signers.values())
            print(name, "pieces of", pieces, "root", root.hex())
            for signer, sign in signers.items():
                print("  ", signer, sign(root).hex())
            print("   manifest", len(manifest), sha256(manifest).hex())


if __name__ == "__main__":
    main()
