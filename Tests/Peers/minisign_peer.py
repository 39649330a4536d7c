"""Signs a file as minisign does, with PyNaCl: made from minisign's description of its formats, not from our code.

    minisign_peer.py SEED_HEX KEY_ID_HEX FILE Ed|ED TRUSTED_COMMENT

Prints a JSON object: `key` is the public key's line, `signature` the text of the .minisig file.
"""

import base64
import json
import sys

from nacl.encoding import RawEncoder
from nacl.hash import blake2b
from nacl.signing import SigningKey


def main() -> None:
    seed, key_id, path, algorithm, comment = sys.argv[1:]
    identifier = bytes.fromhex(key_id)
    assert len(identifier) == 8 and algorithm in ("Ed", "ED")
    signer = SigningKey(bytes.fromhex(seed))
    with open(path, "rb") as file:
        content = file.read()
    message = content if algorithm == "Ed" else blake2b(content, digest_size=64, encoder=RawEncoder)
    signature = signer.sign(message).signature
    total = signer.sign(signature + comment.encode()).signature
    encode = lambda data: base64.b64encode(data).decode()
    lines = [
        "untrusted comment: signature from a test",
        encode(algorithm.encode() + identifier + signature),
        "trusted comment: " + comment,
        encode(total),
    ]
    public = encode(b"Ed" + identifier + signer.verify_key.encode())
    print(json.dumps({"key": public, "signature": "\n".join(lines) + "\n"}))


main()
