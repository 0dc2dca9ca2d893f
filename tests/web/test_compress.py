import gzip as standard
import zlib

from hypothesis import given
from hypothesis import strategies as st

from romm_lite.web.compress import crc32, gzip


@given(st.binary())
def test_any_gzip_reader_reads_it(data: bytes) -> None:
    assert standard.decompress(gzip(data)) == data


@given(st.binary(), st.binary())
def test_crc_goes_on_where_it_stopped(first: bytes, second: bytes) -> None:
    assert crc32(second, crc32(first)) == zlib.crc32(first + second)
