"""ADTS, which lets a decoder begin with any frame of AAC: cameras and files say once what each frame is."""

from __future__ import annotations


def adts_header(config: bytes, length: int) -> bytes:
    """Header of one AAC frame (ISO/IEC 13818-7, 6.2); empty where the configuration is one that ADTS cannot say.

    Parameters
    ----------
    config : bytes
        AudioSpecificConfig.
    length : int
        Bytes of the frame behind the header.
    """
    bits = int.from_bytes(config[:2].ljust(2, b"\0"), "big")
    kind, rate, channels = bits >> 11, bits >> 7 & 0xF, bits >> 3 & 0xF
    if not 1 <= kind <= 4 or rate > 12 or channels > 7:
        return b""
    whole = length + 7
    return bytes(
        (0xFF, 0xF1, (kind - 1) << 6 | rate << 2 | channels >> 2, (channels & 3) << 6 | whole >> 11, whole >> 3 & 0xFF,
         (whole & 7) << 5 | 0x1F, 0xFC)
    )  # fmt: skip
