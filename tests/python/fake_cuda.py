"""The fake runtime that the package was linked with, by ctypes, and what DLPack says of tensors. Tests of devices have
it by these fixtures."""

import contextlib
import ctypes
import gc

import pytest
import torch
from tzio import _core, frameworks

CPU, CUDA = 1, 2  # of DLPack

OUT_OF_MEMORY, INITIALIZATION, ILLEGAL_ADDRESS = 2, 3, 700  # of CUDA


def is_there() -> bool:
    return hasattr(ctypes.CDLL(_core.__file__), "tz_fake_reset")


class DlTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]

    @property
    def extents(self) -> tuple[int, ...]:
        return tuple(self.shape[: self.ndim])

    @property
    def size(self) -> int:
        size = self.bits // 8
        for extent in self.extents:
            size *= extent
        return size


def described(capsule) -> DlTensor:
    """Of a capsule that nobody took yet, as long as it is there."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return DlTensor.from_address(pointer(capsule, b"dltensor"))


class FakeCuda:
    def __init__(self) -> None:
        self.library = ctypes.CDLL(_core.__file__)
        for name in ("device_bytes", "pinned_bytes"):
            getattr(self.library, "tz_fake_" + name).restype = ctypes.c_uint64
        self.library.tz_fake_violations.restype = ctypes.c_char_p

    def reset(self, delay_microseconds: int = 200) -> None:
        self.library.tz_fake_reset(delay_microseconds, ctypes.c_uint64(1))

    @contextlib.contextmanager
    def holding(self, stream: int):
        """What is enqueued to the stream waits till the end."""
        self.library.tz_fake_hold(ctypes.c_void_p(stream))
        try:
            yield
        finally:
            self.library.tz_fake_release()

    def leave_error(self, error: int) -> None:
        """As a program that does not ask for it."""
        self.library.tz_fake_leave_error(error)

    def take_error(self) -> int:
        """As the program that asks for it at last."""
        return self.library.cudaGetLastError()

    def set_driver(self, gpus: int, version: int = 13000) -> None:
        self.library.tz_fake_set_driver(gpus, version)

    def set_memory(self, size: int) -> None:
        self.library.tz_fake_set_memory(ctypes.c_uint64(size))

    def fail(self, name: str, error: int, nth: int = 1) -> None:
        """The `nth` call of the function from now on, or piece of "work" of a stream."""
        self.library.tz_fake_fail(name.encode(), nth, error)

    def calls(self, name: str) -> int:
        return self.library.tz_fake_calls(name.encode())

    def device_bytes(self) -> int:
        return self.library.tz_fake_device_bytes()

    def pinned_bytes(self) -> int:
        return self.library.tz_fake_pinned_bytes()

    def violations(self) -> list[str]:
        return self.library.tz_fake_violations().decode().splitlines()

    def device_of(self, address: int, size: int) -> int:
        """Which has all of it; -1: none."""
        return self.library.tz_fake_device_of(ctypes.c_void_p(address), ctypes.c_uint64(size))

    def new_stream(self, gpu: int) -> int:
        stream = ctypes.c_void_p()
        assert self.library.cudaSetDevice(gpu) == 0
        assert self.library.cudaStreamCreateWithFlags(ctypes.byref(stream), 0) == 0
        assert self.library.cudaSetDevice(0) == 0
        return stream.value

    def synchronize(self, stream: int) -> None:
        assert self.library.cudaStreamSynchronize(ctypes.c_void_p(stream)) == 0

    def destroy_stream(self, stream: int) -> None:
        assert self.library.cudaStreamDestroy(ctypes.c_void_p(stream)) == 0

    def fill(self, address: int, size: int, stream: int) -> None:
        """When the stream comes to it."""
        place, behind = ctypes.c_void_p(address), ctypes.c_void_p(stream)
        assert self.library.cudaMemsetAsync(place, 7, ctypes.c_size_t(size), behind) == 0

    def bytes_of(self, capsule) -> bytes:
        """What is on the device."""
        tensor = described(capsule)
        return ctypes.string_at(tensor.data, tensor.size) if tensor.size else b""

    def gpu_of(self, capsule) -> int:
        """What the capsule says, if it is so."""
        tensor = described(capsule)
        assert tensor.device_type == CUDA
        if tensor.size:
            assert self.device_of(tensor.data, tensor.size) == tensor.device_id
        return tensor.device_id

    def move_to_cpu(self, capsule) -> int:
        """Has it say so, where it stays. Which GPU it was of."""
        gpu = self.gpu_of(capsule)
        tensor = described(capsule)
        tensor.device_type, tensor.device_id = CPU, 0
        return gpu


@pytest.fixture
def cuda():
    """A machine with two GPUs. Nothing may be left on them, nor done that real ones would suffer from."""
    fake = FakeCuda()
    fake.reset()
    fake.set_driver(2)
    yield fake
    if fake.device_bytes() > 0:
        gc.collect()
    assert fake.violations() == []
    assert (fake.device_bytes(), fake.pinned_bytes()) == (0, 0)


@pytest.fixture
def torch_with_cuda(cuda, monkeypatch):
    """A PyTorch that can have tensors of GPUs: on the CPU, over what the fake runtime holds. The list of the GPUs that
    the tensors it got were on."""
    gpus = []

    def from_dlpack(capsule):
        if described(capsule).device_type != CPU:
            gpus.append(cuda.move_to_cpu(capsule))
        return torch._C._from_dlpack(capsule)

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    for name in (None, "torch", "pt"):
        monkeypatch.setattr(frameworks.framework(name), "from_dlpack", from_dlpack)
    return gpus
