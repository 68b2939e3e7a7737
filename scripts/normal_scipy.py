"""Writes tests/data/normal_scipy.txt: SciPy's ndtr at the arguments of tests/data/normal.txt.

    pip install scipy==1.17.1
    python3 scripts/normal_scipy.py

Line by line as in normal.txt: the bit pattern of ndtr(t) in f64, then that of ndtr(t) in f32, where t is
first rounded to f32. Only the comparison in docs/ACCURACY.md reads it. Other versions of SciPy may give
other values.
"""

import pathlib
import struct

import numpy
import scipy
from scipy.special import ndtr

if __name__ == "__main__":
    data = pathlib.Path(__file__).parent.parent / "tests/data"
    words = [line.split()[0] for line in (data / "normal.txt").open() if not line.startswith("#")]
    t = numpy.array([struct.unpack(">d", bytes.fromhex(word))[0] for word in words])
    double, single = ndtr(t), ndtr(t.astype(numpy.float32))
    assert single.dtype == numpy.float32
    with (data / "normal_scipy.txt").open("w") as file:
        file.write(f"# ndtr(t) of SciPy {scipy.__version__} in f64 and in f32; scripts/normal_scipy.py\n")
        for d, s in zip(double, single):
            file.write(struct.pack(">d", d).hex() + " " + struct.pack(">f", s).hex() + "\n")
