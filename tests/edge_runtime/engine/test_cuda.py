"""The GPU: what is asked of PyCUDA and of the driver, and what is said where they are not there."""

from __future__ import annotations

import ctypes
import sys

import numpy as np
import pytest

from edge_runtime.engine.cuda import CudaDevice, Gpu
from edge_runtime.errors import CompilerUnavailable, GpuError, GpuMissing


def test_the_first_gpu_is_named_with_its_capability(gpu):
    with CudaDevice() as device:
        assert device.gpu == Gpu(name="Orin", compute_capability="8.7")


def test_one_context_serves_all_devices_of_a_process(gpu):
    with CudaDevice(), CudaDevice():
        assert gpu.contexts == ["primary"]


def test_arrays_go_there_and_come_back_when_it_is_waited_for(gpu):
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    with CudaDevice() as device:
        buffer = device.buffer((5, 4), np.float32)
        buffer.host[:3] = array
        device.upload(buffer, 3)
        device.wait()
        buffer.host[:] = -1
        device.download(buffer, 3)
        assert (buffer.host == -1).all()
        device.wait()
        np.testing.assert_array_equal(buffer.host[:3], array)
        assert (buffer.host[3:] == -1).all()
        assert (device.allocations, len(gpu.memory)) == (2, 1)
        device.close()
    assert gpu.memory == {}


def test_recorded_work_is_done_at_every_launch_and_not_before(gpu):
    with CudaDevice() as device:
        buffer = device.buffer((1, 2), np.float32)
        buffer.host[:] = 7
        graph = device.recorded(lambda: (device.upload(buffer, 1), device.download(buffer, 1)))
        device.wait()
        for value in (1, 2):
            buffer.host[:] = value
            graph.launch()
            device.wait()
            assert (np.frombuffer(gpu.memory[buffer.address], np.float32) == value).all()
        graph.close()
        graph.close()
    assert gpu.graphs == {}


def test_work_that_fails_while_it_is_recorded_leaves_the_stream_usable(gpu):
    with CudaDevice() as device:
        with pytest.raises(GpuError, match="capturing"):
            device.recorded(device.wait)
        device.wait()
    assert gpu.graphs == {}


@pytest.mark.parametrize("call", ["cuStreamBeginCapture_v2", "cuGraphInstantiateWithFlags"])
def test_a_driver_that_cannot_record_is_said(gpu, call):
    gpu.refuses = call
    with CudaDevice() as device, pytest.raises(GpuError, match=f"refuses {call} with code 2"):
        device.recorded(lambda: None)
    assert gpu.graphs == {}


def test_a_driver_too_old_to_record_is_said(gpu, monkeypatch):
    monkeypatch.delattr(type(gpu.library), "cuGraphInstantiateWithFlags")
    with CudaDevice() as device, pytest.raises(GpuError, match=r"no cuGraphInstantiateWithFlags.*11\.4"):
        device.recorded(lambda: None)


def test_without_a_driver_there_is_no_gpu(monkeypatch):
    def absent(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(GpuMissing, match=r"no NVIDIA driver.*install the NVIDIA driver"):
        CudaDevice()


def test_without_pycuda_the_message_says_where_it_comes_from(monkeypatch):
    monkeypatch.setattr("edge_runtime.engine.cuda.load_driver", lambda: None)
    monkeypatch.setitem(sys.modules, "pycuda", None)
    with pytest.raises(CompilerUnavailable, match=r"pycuda.*factory-edge\[tensorrt\]") as caught:
        CudaDevice()
    assert not isinstance(caught.value, GpuMissing)


def test_a_driver_without_a_gpu_is_said(gpu):
    gpu.gpus = 0
    with pytest.raises(GpuMissing, match="finds no GPU"):
        CudaDevice()


def test_a_driver_that_does_not_start_is_said_with_its_reason(gpu):
    gpu.refuses = "init"
    with pytest.raises(GpuMissing, match="init failed"):
        CudaDevice()


@pytest.mark.parametrize("call", ["pagelocked_empty", "mem_alloc"])
def test_memory_that_is_not_there_is_said(gpu, call):
    with CudaDevice() as device:
        gpu.refuses = call
        with pytest.raises(GpuError, match=f"8 bytes of memory: {call} failed"):
            device.buffer((2,), np.float32)
