"""Export of an ensemble as one ONNX model, checked against its members.

The graph takes the image, RGB of 0–255, in the largest of the members' sizes. Each member resizes it to its own views
(mirrored ones included), normalises it, and gives logits, which are enlarged again and become probabilities; the output
is the logarithm of their weighted mean, so that its softmax is that mean.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_ext.data.images import Pixels, from_array
from mmseg_ext.errors import InputError, installing
from mmseg_ext.files import atomic_path
from mmseg_ext.inference.ensemble import Member, mean_threshold, read_ensemble
from mmseg_ext.inference.export_onnx import (
    INPUT_NAME,
    MIN_EQUAL_SHARE,
    OPSET,
    OUTPUT_NAME,
    Agreement,
    write_onnx,
)
from mmseg_ext.inference.network import EXPORT_AGAIN, Box, ModelInfo
from mmseg_ext.inference.onnx_network import METADATA_KEY, OnnxNetwork
from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.inference.torch_network import TorchNetwork
from mmseg_ext.inference.views import STRIDE, fit, resize

MIN_RESIZED_SHARE = 0.99  # of the pixels, where a member sees the image shrunk from the largest view
TINY = float(np.finfo(np.float32).tiny)  # its logarithm is finite
AXES = (2, 3)  # height and width
INT64, DOUBLE = 7, 11  # onnx.TensorProto's numbers, which do not change


def export_ensemble(path: str | Path, out: str | Path, images: Sequence[Pixels]) -> Agreement:
    """Write an ensemble as one ``.onnx`` file, if its masks are those of the ensemble.

    Args:
        path: The ensemble, a .yaml file.
        out: The ``.onnx`` file.
        images: Images (H, W, 3), RGB, uint8, on which both must agree.

    Returns:
        How far they agree; ``largest`` is a difference of probabilities.

    Raises:
        InputError: An input cannot be used, a package is missing, a member slides tiles, or too few pixels get the same
            class: 99.9 % must, or 99 % where the members' sizes differ (exit code 1). Then nothing is written.
    """
    predictor = Predictor(path, device='cpu')
    with atomic_path(out) as temporary:
        with _member_files(path, predictor.members) as files:
            write_ensemble_onnx(predictor.members, files, temporary)
        agreement = _compare(predictor, Predictor(OnnxNetwork(temporary, 'cpu')), images)
        same_size = len({size for member in predictor.members for size in member.views.sizes}) == 1
        goal = MIN_EQUAL_SHARE if same_size else MIN_RESIZED_SHARE
        if agreement.equal < goal:
            raise InputError(
                out,
                f'only {agreement.equal:.3%} of the pixels get the same class as from the ensemble (goal {goal:.1%}; '
                f'probabilities differ by up to {agreement.largest:.3g}); it was not written',
                exit_code=1,
            )
    return agreement


def write_ensemble_onnx(members: Sequence[Member], files: Sequence[Path], path: Path) -> None:
    """Join the ONNX models of members into one.

    Args:
        members: The members.
        files: The ONNX model of each.
        path: The file to write.

    Raises:
        InputError: The package onnx is missing, or a member slides tiles or has another version of the operators.
    """
    try:
        import onnx
    except ImportError as error:
        raise InputError(str(error.name), 'is not installed', installing('export')) from error
    for member in members:
        if member.views.tile is not None:
            raise InputError(member.name, 'uses sliding tiles, which cannot be exported', 'set its `mode: whole`')
    size = _largest_size(members)
    joined = _Graph()
    total = sum(member.weight for member in members)
    parts = []
    for number, (member, file) in enumerate(zip(members, files, strict=True)):
        model = onnx.load(str(file))
        shared = joined.take_member(model, f'm{number}_', member.name)
        for view, own in enumerate(member.views.sizes):
            resized_to = None if own == size else own
            logits = Call(model.graph, f'm{number}v{view}_', shared)
            probabilities = joined.view(logits, member.network.info, member.views.flip, resized_to)
            share = member.weight / total / len(member.views.sizes)
            parts.append(joined.op('Mul', probabilities, joined.constant(share)))
    mean = joined.op('Sum', *parts)
    joined.op('Log', joined.op('Max', mean, joined.constant(TINY)), output=OUTPUT_NAME)
    info = replace(
        members[0].network.info, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), channels='rgb', size=size, tta_sizes=(),
        tta_flip=all(member.network.info.tta_flip for member in members), mode='whole',
        threshold=mean_threshold(members),
    )  # fmt: skip
    joined.save(path, info)


@contextmanager
def _member_files(path: str | Path, members: Sequence[Member]) -> Iterator[list[Path]]:
    """Give the ONNX model of each member: its own, or one exported into a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, (entry, member) in enumerate(zip(read_ensemble(path), members, strict=True)):
            file = entry.model
            if isinstance(member.network, TorchNetwork):
                file = Path(folder) / f'{number}.onnx'
                write_onnx(member.network, file)
            files.append(file)
        yield files


def _largest_size(members: Sequence[Member]) -> Box | None:
    """Return the largest size of all views; None, the image's own, where a view has that."""
    sizes = [size for member in members for size in member.views.sizes]
    known = [size for size in sizes if size is not None]
    return max(known, key=lambda size: (min(size), max(size))) if len(known) == len(sizes) else None


def _compare(original: Predictor, exported: Predictor, images: Sequence[Pixels]) -> Agreement:
    """Predict images in the exported model's own size, so that neither result is enlarged to that of the file."""
    largest, equal, pixels = 0.0, 0, 0
    size = exported.members[0].views.sizes[0]
    for image in images:
        fitted = from_array(resize(image, *fit(image.shape[0], image.shape[1], size)))
        one, other = (predictor.predict(fitted) for predictor in (original, exported))
        largest = max(largest, float(np.abs(one.probabilities - other.probabilities).max()))
        equal += int((one.mask == other.mask).sum())
        pixels += one.mask.size
    return Agreement(len(images), largest, equal / pixels)


@dataclass(frozen=True)
class Call:
    """One use of a member's network.

    Attributes:
        graph: Its graph.
        prefix: Of all names inside.
        shared: Weight → its name, which all uses of the network share.
    """

    graph: Any
    prefix: str
    shared: Mapping[str, str]


class _Graph:
    """A graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self.functions: list[Any] = []
        self.opsets = {'': OPSET}
        self.ir_version = 0
        sides = self.op('Shape', INPUT_NAME)
        self.batch, self.height, self.width = (
            self.op('Gather', sides, self.constant([axis], np.int64)) for axis in (0, *AXES)
        )

    def op(self, kind: str, *inputs: str, output: str = '', **attributes: Any) -> str:
        """Add an operator and return the name of its output."""
        import onnx

        output = output or f'e{len(self.nodes)}'
        self.nodes.append(onnx.helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """Add a constant and return its name."""
        import onnx

        name = f'c{len(self.initializers)}'
        self.initializers[name] = onnx.numpy_helper.from_array(np.asarray(value, dtype), name)
        return name

    def take_member(self, model: Any, prefix: str, name: str) -> dict[str, str]:
        """Take over what a member's nodes need: weights, functions, versions of the operators.

        Args:
            model: The member's ONNX model; its weights are renamed.
            prefix: Of the names of its weights here.
            name: Its name in errors.

        Returns:
            Name of a weight in the model → its name here.
        """
        for opset in model.opset_import:
            if self.opsets.setdefault(opset.domain, opset.version) != opset.version:
                problem = f'has ONNX opset version {opset.version}, not {self.opsets[opset.domain]}'
                raise InputError(name, problem, EXPORT_AGAIN)
        self.ir_version = max(self.ir_version, model.ir_version)
        self.functions += model.functions
        names = {}
        for tensor in model.graph.initializer:
            names[tensor.name] = f'{prefix}{tensor.name}'
            tensor.name = names[tensor.name]
            self.initializers[tensor.name] = tensor
        return names

    def view(self, call: Call, info: ModelInfo, flip: bool, size: Box | None) -> str:
        """Add a view of a member.

        Args:
            call: The member's network.
            info: Its channels and normalisation.
            flip: Whether the view is also predicted mirrored.
            size: The size of the view; None if it is that of the input.

        Returns:
            Its class probabilities (N, K, H, W), at the size of the input.
        """
        single = call.graph.output[0].type.tensor_type.shape.dim[1].dim_value == 1
        image = INPUT_NAME if size is None else self.resize(INPUT_NAME, *self.fit(size), antialias=1)
        if info.channels == 'bgr':
            image = self.op('Gather', image, self.constant([2, 1, 0], np.int64), axis=1)
        mean, std = (self.constant(np.reshape(values, (1, 3, 1, 1))) for values in (info.mean, info.std))
        image = self.op('Div', self.op('Sub', image, mean), std)
        if not flip:
            return self.probabilities(self.run(call, image), single)
        logits = self.run(call, self.op('Concat', image, self.mirror(image), axis=0))
        straight, mirrored = (f'{call.prefix}straight', f'{call.prefix}mirrored')
        self.nodes.append(_split_in_two(logits, straight, mirrored))
        halves = [self.probabilities(part, single) for part in (straight, self.mirror(mirrored))]
        return self.op('Mul', self.op('Sum', *halves), self.constant(0.5))

    def run(self, call: Call, image: str) -> str:
        """Add the nodes of a member's network on some input; return the name of its logits."""
        graph = _renamed(call)
        self.op('Identity', image, output=graph.input[0].name)
        self.nodes += graph.node
        output: str = graph.output[0].name
        return output

    def probabilities(self, logits: str, single: bool) -> str:
        """Enlarge logits to the input's size; softmax, or two classes by a sigmoid where there is one output."""
        logits = self.resize(logits, self.height, self.width)
        if single:
            second = self.op('Sigmoid', logits)
            return self.op('Concat', self.op('Sub', self.constant(1.0), second), second, axis=1)
        return self.op('Softmax', logits, axis=1)

    def resize(self, image: str, height: str, width: str, **attributes: Any) -> str:
        """Interpolate linearly, as OpenCV does; with ``antialias=1`` a shrunk image is averaged."""
        sides = self.op('Concat', height, width, axis=0)
        return self.op('Resize', image, '', '', sides, mode='linear', axes=AXES, **attributes)

    def mirror(self, image: str) -> str:
        """Mirror left and right."""
        start, end, axis, step = (self.constant([value], np.int64) for value in (-1, -(2**31), AXES[1], -1))
        return self.op('Slice', image, start, end, axis, step)

    def fit(self, size: Box) -> tuple[str, str]:
        """Compute height and width of a view as `mmseg_ext.inference.views.fit` does, in float64 as there."""
        sides = [self.op('Cast', side, to=DOUBLE) for side in (self.height, self.width)]
        factors = [
            self.op('Div', self.constant([limit(size)], np.float64), self.op(kind, *sides))
            for limit, kind in ((max, 'Max'), (min, 'Min'))
        ]
        factor, step = self.op('Min', *factors), self.constant([STRIDE], np.float64)
        rounded = [self.op('Round', self.op('Div', self.op('Mul', side, factor), step)) for side in sides]
        height, width = (
            self.op('Cast', self.op('Max', self.op('Mul', count, step), step), to=INT64) for count in rounded
        )
        return height, width

    def save(self, path: Path, info: ModelInfo) -> None:
        """Write the model with its metadata."""
        import onnx

        helper = onnx.helper
        values = [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ['n', channels, 'h', 'w'])
            for name, channels in ((INPUT_NAME, 3), (OUTPUT_NAME, len(info.classes.names)))
        ]
        graph = helper.make_graph(self.nodes, 'ensemble', values[:1], values[1:], list(self.initializers.values()))
        opsets = [helper.make_opsetid(domain, version) for domain, version in self.opsets.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=self.ir_version, functions=self.functions)
        helper.set_model_props(model, {METADATA_KEY: info.to_json()})
        onnx.save(model, path)


def _renamed(call: Call) -> Any:
    """Copy a graph, and those in its nodes, under other names."""
    import onnx

    graph = onnx.GraphProto()
    graph.CopyFrom(call.graph)
    del graph.initializer[:], graph.value_info[:]
    _rename(graph, call)
    return graph


def _rename(graph: Any, call: Call) -> None:
    def name(old: str) -> str:
        return old and call.shared.get(old, call.prefix + old)

    for value in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        value.name = name(value.name)
    for node in graph.node:
        node.name = name(node.name)
        node.input[:] = [name(old) for old in node.input]
        node.output[:] = [name(old) for old in node.output]
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                _rename(inner, call)


def _split_in_two(value: str, first: str, second: str) -> Any:
    import onnx

    return onnx.helper.make_node('Split', [value], [first, second], axis=0, num_outputs=2)
