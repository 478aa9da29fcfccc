"""The GPU's driver: what is asked of it, and what is said where there is none."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from edge_runtime.engine.cuda import CudaDevice, Gpu
from edge_runtime.errors import CompilerUnavailable, GpuError
from tests.fake_tensorrt import FakeDriver


def test_the_first_gpu_is_named_with_its_capability(driver):
    with CudaDevice() as device:
        assert device.gpu == Gpu(name="Orin", compute_capability="8.7")


def test_arrays_go_there_and_come_back(driver):
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    back = np.empty_like(array)
    with CudaDevice() as device:
        address = device.allocate(array.nbytes)
        device.upload(address, array)
        device.download(back, address)
        device.wait()
        device.free(address)
    np.testing.assert_array_equal(back, array)
    assert driver.memory == {}


def test_without_a_driver_there_is_no_gpu(monkeypatch):
    def absent(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(CompilerUnavailable, match=r"no NVIDIA driver.*install the NVIDIA driver"):
        CudaDevice()


@pytest.mark.parametrize("driver", [FakeDriver(gpus=0)])
def test_a_driver_without_a_gpu_is_said(driver):
    with pytest.raises(CompilerUnavailable, match="finds no GPU"):
        CudaDevice(driver)


def test_a_driver_that_does_not_start_is_said_with_its_code():
    driver = FakeDriver()
    driver.refuses = "cuInit"
    with pytest.raises(CompilerUnavailable, match="code 2"):
        CudaDevice(driver)


def test_a_refused_call_is_named(driver):
    with CudaDevice() as device:
        driver.refuses = "cuMemAlloc_v2"
        with pytest.raises(GpuError, match=r"cuMemAlloc_v2 with code 2"):
            device.allocate(8)
