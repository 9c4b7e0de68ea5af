"""Readers of the project, each with small sound files to be mutated."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmseg_ext.data import Classes, DataSet, read_image, read_mask, write_mask
from mmseg_ext.data.headers import read_stored_header
from mmseg_ext.data.images import read_header
from mmseg_ext.files import write_json

NAMES, PALETTE = ('background', 'cat', 'dog'), ((0, 0, 0), (220, 60, 60), (60, 100, 230))
SIDE = 24


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        make: Writes sound files into an empty folder.
        read: Reads them; it may raise nothing but `InputError`.
        patterns: Which of the files are mutated.
    """

    make: Callable[[Path], Any]
    read: Callable[[Path], Any]
    patterns: tuple[str, ...] = ('*',)


def pixels(seed: int = 0) -> np.ndarray:
    """Random blocks of colour."""
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 256, (6, 6, 3), np.uint8), np.ones((4, 4, 1), np.uint8))


def indices(seed: int = 0) -> np.ndarray:
    """A mask of three classes."""
    return np.kron(np.random.default_rng(seed).integers(0, 3, (6, 6), np.uint8), np.ones((4, 4), np.uint8))


def make_masks(folder: Path) -> None:
    """Masks of all kinds."""
    write_mask(folder / 'palette.png', indices(), PALETTE)
    Image.fromarray(indices()).save(folder / 'grey.png')
    Image.fromarray(indices() > 0).save(folder / 'bit.png')
    Image.fromarray(indices().astype(np.uint16)).save(folder / 'wide.png')
    Image.fromarray(pixels()).save(folder / 'colour.png')


def make_images(folder: Path) -> None:
    """Images of all formats."""
    image = Image.fromarray(pixels())
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / 'a.png', exif=exif)
    image.save(folder / 'b.jpg', exif=exif)
    image.save(folder / 'c.tiff', compression='tiff_lzw')
    image.save(folder / 'd.webp')
    image.convert('P').save(folder / 'e.gif')
    image.save(folder / 'f.bmp')
    image.convert('RGBA').save(folder / 'g.png')
    Image.fromarray(indices().astype(np.uint16) * 1000).save(folder / 'h.png')
    image.convert('CMYK').save(folder / 'i.jpg')


def each(folder: Path, *readers: Callable[[Path], Any]) -> None:
    """Read each file by each reader, as tools do that leave out the bad ones."""
    from mmseg_ext.errors import InputError

    for path in sorted(folder.rglob('*')):
        for read in readers if path.is_file() else ():
            try:
                read(path)
            except InputError as error:
                check_message(error)


def check_message(error: Exception) -> None:
    """Fail where a message is endless."""
    if len(str(error)) > 20_000:
        raise AssertionError(f'a message of {len(str(error)):,} characters')


def make_data(folder: Path) -> None:
    """A data set of two images."""
    Classes(NAMES, PALETTE).write(folder)
    for seed, stem in enumerate('ab'):
        for place in ('img/train', 'labels/train'):
            (folder / place).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(seed)).save(folder / f'img/train/{stem}.png')
        write_mask(folder / f'labels/train/{stem}.png', indices(seed), PALETTE)


def make_labelme(folder: Path) -> None:
    """LabelMe documents with shapes of all kinds."""
    from mmseg_ext.converters.labelme import export_masks

    make_data(folder)
    export_masks(folder, 'labels', folder / 'labelme')
    path = folder / 'labelme/train/a.json'
    document = json.loads(path.read_text())
    extra = {'group_id': None, 'flags': {}, 'label': 'cat'}
    document['shapes'] += [
        {**extra, 'shape_type': 'polygon', 'points': [[1, 1], [9, 2], [5, 9]]},
        {**extra, 'shape_type': 'rectangle', 'points': [[1, 1], [9, 9]]},
        {**extra, 'shape_type': 'circle', 'points': [[5, 5], [9, 9]]},
        {**extra, 'shape_type': 'oriented_rectangle', 'points': [[5, 5], [9, 5], [9, 9], [5, 9]], 'label': 'dog'},
    ]
    path.write_text(json.dumps(document))


def read_labelme(folder: Path) -> None:
    """Import and audit LabelMe documents."""
    from mmseg_ext.converters.labelme import import_masks
    from mmseg_ext.eda.audit import audit_label_set
    from mmseg_ext.errors import InputError

    try:
        import_masks(folder / 'labelme', folder, folder / 'imported')
    except InputError as error:
        check_message(error)
    audit_label_set(folder, 'labels')


def audit(folder: Path) -> None:
    """Audit and measure a data set."""
    from mmseg_ext.eda.audit import audit_label_set

    result = audit_label_set(folder, 'labels')
    json.dumps(result.summary(), allow_nan=False)
    json.dumps([finding.as_dict() for finding in result.findings], allow_nan=False, ensure_ascii=False).encode()


def make_thresholds(folder: Path) -> None:
    """A file of thresholds."""
    (folder / 'rules.toml').write_text('[fragments]\nmost = 8\nseverity = "info"\n\n[pinholes]\nseverity = "off"\n')


def read_thresholds(folder: Path) -> None:
    """Read a file of thresholds."""
    from mmseg_ext.eda.audit import read_rules

    read_rules(folder / 'rules.toml')


def make_tables(folder: Path) -> None:
    """Tables of colours, a queue, weights."""
    Classes(NAMES, PALETTE).write(folder)
    (folder / 'labelmap.txt').write_text('# label:color:parts:actions\nbackground:0,0,0::\ncat:220,60,60::\n')
    (folder / 'colours.csv').write_text('name,r,g,b\nbackground,0,0,0\ncat,220,60,60\n')
    (folder / 'queue.txt').write_text('# first\ntrain/a\nb\n')
    write_json(folder / 'weights.json', {'classes': list(NAMES), 'weights': [1.0, 2.0, 3.0]})
    np.save(folder / 'weights.npy', np.array([1.0, 2.0, 3.0]))
    write_json(
        folder / 'ranking.json',
        {'settings': {'labels': 'labels', 'split': 'val'}, 'rows': [{'stem': 'a', 'score': 0.5}]},
    )


def read_tables(folder: Path) -> None:
    """Read all of them."""
    from mmseg_ext.converters.codes import read_table
    from mmseg_ext.data.dataset import choose_files
    from mmseg_ext.eda.quality.ranking import read_ranking
    from mmseg_ext.models.losses.class_weight import read_weights

    readers: dict[str, Callable[[Path], Any]] = {
        'dataset.yaml': lambda path: Classes.read(path.parent),
        'labelmap.txt': read_table,
        'colours.csv': read_table,
        'queue.txt': lambda path: choose_files([('train', 'a'), ('train', 'b')], path),
        'weights.json': read_weights,
        'weights.npy': read_weights,
        'ranking.json': lambda path: read_ranking(path.parent),
    }
    each(folder, lambda path: readers[path.name](path))


def make_yaml(folder: Path) -> None:
    """Files of classes."""
    Classes(NAMES, PALETTE).write(folder)


def read_yaml_file(folder: Path) -> None:
    """Read it as three tools do."""
    from mmseg_ext.converters.codes import read_table

    each(folder, lambda path: Classes.read(path.parent), read_table)


def make_records(folder: Path, predictions: bool = True) -> None:
    """The result folder of a test, with its data."""
    from mmseg_ext.evaluation.confusion import confusion_matrix
    from mmseg_ext.evaluation.probability_maps import save_probabilities
    from mmseg_ext.evaluation.records import ImageRecord, read_records, write_records
    from mmseg_ext.evaluation.summary import summarize

    data, result = folder / 'data', folder / 'result'
    data.mkdir()
    make_data(data)
    rows = []
    for seed, stem in enumerate('ab'):
        predicted = indices(seed + 5)
        write_mask(result / 'masks' / f'{stem}.png', predicted, PALETTE)
        shares = np.eye(3, dtype=np.float32)[predicted].transpose(2, 0, 1)
        (result / 'probabilities').mkdir(exist_ok=True)
        save_probabilities(result / 'probabilities' / f'{stem}.npz', shares)
        counts = confusion_matrix(predicted, indices(seed), 3)
        image, label = data / f'img/train/{stem}.png', data / f'labels/train/{stem}.png'
        rows.append(ImageRecord(stem, 'train', str(image), str(label), SIDE, SIDE, counts))
    write_records(result / 'records.parquet', rows, NAMES)
    scores = summarize(read_records(result / 'records.parquet'), resamples=10)
    content = {
        'config': 'configs/unet.py', 'checkpoint': 'best.pth', 'split': 'train', 'labels': None, 'tta': False,
        'images': 2, 'scores': scores, 'environment': {'commit': 'abc', 'processor': 'CPU', 'gpus': []},
    }  # fmt: skip
    write_json(result / 'metrics.json', content)


def read_parquet(folder: Path) -> None:
    """Read and summarise records."""
    from mmseg_ext.evaluation.records import read_records
    from mmseg_ext.evaluation.summary import summarize

    summarize(read_records(folder / 'result/records.parquet'), resamples=10)


def read_result_folder(folder: Path) -> None:
    """Open a result and read its images, by the paths that it names and in a data set."""
    from mmseg_ext.errors import InputError
    from mmseg_ext.evaluation.errors.result_dir import open_result

    for data in (None, folder / 'data'):
        try:
            result = open_result(folder / 'result', data)
            for index in range(len(result)):
                result.read(index)
        except InputError as error:
            check_message(error)


def make_runs(folder: Path) -> None:
    """Two work dirs, of which one is mutated."""
    make_records(folder)
    for name in ('good', 'run'):
        work = folder / name
        (work / 'records').mkdir(parents=True)
        shutil.copytree(folder / 'result', work / 'val')
        shutil.copy(folder / 'result/records.parquet', work / 'records/val_best.parquet')
        rows = [{'iter': step, 'epoch': 1, 'train/loss': 1 / step, 'train/time': 0.5} for step in (10, 20, 30)]
        rows += [{'iter': 30, 'epoch': 1, 'val/mDice': 70.0, 'val/Dice/cat': 60.0}]
        (work / 'scalars.json').write_text(''.join(json.dumps(row) + '\n' for row in rows))
        write_json(work / 'environment.json', {'commit': 'abc', 'processor': 'CPU', 'gpus': ['GPU']})
        write_json(work / 'clearml.json', {'task_id': 'abc', 'mode': 'online'})
        (work / 'unet.py').write_text(
            "model = dict(type='EncoderDecoder', backbone=dict(type='VGG', depth=16))\n"
            'train_cfg = dict(max_iters=30)\n'
            "train_dataloader = dict(batch_size=8, dataset=dict(data_root='d', labels='l'))\n"
            'randomness = dict(seed=3)\n'
        )
        content = {
            'status': 'finished', 'reason': '', 'config': 'unet.py', 'seed': 1,
            'hyperparameters': {'model': 'E', 'lr': 0.1},
            'parameters': 25, 'gflops': 1.2, 'input_size': [32, 32], 'minutes': 3.0, 'images_per_second': 16.0,
            'batch_size': 8, 'device': 'cpu', 'processor': 'CPU', 'commit': 'abc', 'process': {'id': 3, 'host': 'h'},
            'iterations': {'done': 30, 'planned': 30}, 'best': {'metric': 'mDice', 'value': 70.0, 'iter': 30},
        }  # fmt: skip
        write_json(work / 'run.json', content)


def read_runs(folder: Path) -> None:
    """Compare two runs; the sound one must come out of it as it is."""
    from mmseg_ext.reports.compare.comparison import compare_runs
    from mmseg_ext.reports.compare.outputs import json_document
    from mmseg_ext.runs.reading import read_run
    from mmseg_ext.runs.record import read_run_json
    from mmseg_ext.runs.scalars import read_scalars

    runs = [read_run(folder / name, name) for name in ('good', 'run')]
    assert runs[0].status == 'finished'
    for run in runs:  # `read_run` catches everything; a traceback of ours is a fault here
        if re.match(r'(?!InputError)\w+(Error|Exception|Iteration): ', run.reason) and run.status == 'unreadable':
            raise AssertionError(run.reason)
    json.dumps(json_document(compare_runs(runs)), allow_nan=False, ensure_ascii=False).encode()
    read_run_json(folder / 'run/run.json')
    if (folder / 'run/scalars.json').is_file():
        read_scalars(folder / 'run/scalars.json', [])


def make_onnx(folder: Path) -> None:
    """A model of one layer, and its metadata."""
    import onnx
    from onnx import helper, numpy_helper

    from mmseg_ext.inference.network import ModelInfo

    info = ModelInfo(Classes(NAMES, PALETTE), (1, 2, 3), (1, 2, 3), size=(32, 32), tta_sizes=((32, 32),))
    float32 = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node('Conv', ['image', 'kernel'], ['logits'])],
        'g',
        [helper.make_tensor_value_info('image', float32, ['n', 3, 'h', 'w'])],
        [helper.make_tensor_value_info('logits', float32, ['n', 3, 'h', 'w'])],
        [numpy_helper.from_array(np.eye(3, dtype=np.float32)[..., None, None], 'kernel')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=10)
    helper.set_model_props(model, {'mmseg_ext': info.to_json()})
    onnx.save(model, folder / 'a.onnx')
    (folder / 'info.json').write_text(info.to_json())


def read_onnx(folder: Path) -> None:
    """Read metadata; open the model and predict with it."""
    from mmseg_ext.errors import InputError
    from mmseg_ext.inference.network import ModelInfo
    from mmseg_ext.inference.predictor import Predictor

    try:
        ModelInfo.from_json((folder / 'info.json').read_bytes().decode(errors='replace'), 'info.json')
    except InputError as error:
        check_message(error)
    Predictor(folder / 'a.onnx').predict(pixels())


def make_coco(folder: Path) -> None:
    """A COCO data set."""
    (folder / 'images').mkdir()
    Image.fromarray(pixels()).save(folder / 'images/a.png')
    shared = {'image_id': 1, 'iscrowd': 0, 'bbox': [1, 1, 8, 8], 'area': 30}
    runs = {'size': [SIDE, SIDE], 'counts': [30, 8, SIDE * SIDE - 38]}
    content = {
        'images': [{'id': 1, 'file_name': 'a.png', 'height': SIDE, 'width': SIDE}],
        'categories': [{'id': 1, 'name': 'cat'}, {'id': 2, 'name': 'dog'}],
        'annotations': [
            {**shared, 'id': 1, 'category_id': 1, 'segmentation': [[1, 1, 9, 2, 5, 9]]},
            {**shared, 'id': 2, 'category_id': 2, 'segmentation': runs, 'iscrowd': 1},
            {**shared, 'id': 3, 'category_id': 2, 'segmentation': {**runs, 'counts': 'n0X1Z1'}},
        ],
    }
    (folder / 'coco.json').write_text(json.dumps(content))


def read_coco(folder: Path) -> None:
    """Convert it."""
    from mmseg_ext.converters.coco import WholeOptions, convert_coco

    options = WholeOptions(val=0, test=0)
    convert_coco(folder / 'coco.json', folder / 'images', folder / 'out', options)


def make_cvat(folder: Path) -> None:
    """A CVAT export."""
    (folder / 'images').mkdir()
    Image.fromarray(pixels()).save(folder / 'images/a.png')
    (folder / 'annotations.xml').write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><job><labels><label>'
        '<name>cat</name><color>#dc3c3c</color></label></labels></job></meta>\n'
        f'<image id="0" name="a.png" width="{SIDE}" height="{SIDE}">\n'
        '<polygon label="cat" points="1.0,1.0;9.0,2.0;5.0,9.0" z_order="0"></polygon>\n'
        '<box label="cat" xtl="1.0" ytl="2.0" xbr="8.0" ybr="9.0" z_order="1" rotation="30"></box>\n'
        '<ellipse label="cat" cx="9.0" cy="9.0" rx="3.0" ry="5.0" z_order="2"></ellipse>\n'
        '<mask label="cat" rle="3,5,4" left="2" top="2" width="4" height="3" z_order="3"></mask>\n'
        '</image></annotations>\n'
    )


def read_cvat(folder: Path) -> None:
    """Convert it."""
    from mmseg_ext.converters.cvat import convert_cvat
    from mmseg_ext.converters.split import SplitOptions

    convert_cvat(folder / 'annotations.xml', folder / 'out', split=SplitOptions(val=0, test=0))


def make_yolo(folder: Path) -> None:
    """A YOLO data set."""
    for place in ('images/train', 'labels/train'):
        (folder / place).mkdir(parents=True)
    Image.fromarray(pixels()).save(folder / 'images/train/a.png')
    (folder / 'labels/train/a.txt').write_text('0 0.1 0.1 0.8 0.2 0.5 0.9\n1 0.5 0.5 0.2 0.2\n')
    (folder / 'data.yaml').write_text('path: .\ntrain: images/train\nnames:\n  0: cat\n  1: dog\n')


def read_yolo(folder: Path) -> None:
    """Convert it."""
    from mmseg_ext.converters.yolo import convert_yolo

    convert_yolo(folder, folder / 'out', boxes=True)


def make_voc(folder: Path) -> None:
    """A "Segmentation mask" export of CVAT."""
    for place in ('JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation'):
        (folder / place).mkdir(parents=True)
    Image.fromarray(pixels()).save(folder / 'JPEGImages/a.jpg')
    Image.fromarray(np.array(PALETTE, np.uint8)[indices()]).save(folder / 'SegmentationClass/a.png')
    (folder / 'ImageSets/Segmentation/train.txt').write_text('a\n')
    (folder / 'labelmap.txt').write_text('# l\nbackground:0,0,0::\ncat:220,60,60::\ndog:60,100,230::\n')


def read_voc(folder: Path) -> None:
    """Convert it."""
    from mmseg_ext.converters.voc import convert_voc

    convert_voc(folder, folder / 'out')


def make_checkpoint(folder: Path) -> None:
    """A checkpoint as a training writes it, and one of before torch 1.6."""
    import torch
    from mmengine.logging import HistoryBuffer

    state = {'conv.weight': torch.arange(12.0).reshape(3, 4), 'bn.bias': torch.zeros(4), 'count': torch.tensor(3)}
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    content = {
        'meta': {'iter': 3, 'epoch': 1, 'dataset_meta': {'classes': NAMES, 'palette': PALETTE}}, 'state_dict': state,
        'message_hub': {'log_scalars': {'train/loss': history}, 'runtime_info': {'iter': 3}, 'resumed_keys': {}},
        'optimizer': {'state': {0: {'step': 3, 'exp': torch.zeros(3)}}, 'param_groups': [{'lr': 0.1, 'params': [0]}]},
    }  # fmt: skip
    torch.save(content, folder / 'a.pth')
    torch.save(content, folder / 'b.pth', _use_new_zipfile_serialization=False)


def read_checkpoint(folder: Path) -> None:
    """Load them."""
    from mmseg_ext.runs.checkpoint_file import load_checkpoint_file

    each(folder, load_checkpoint_file)


def make_dump(folder: Path) -> None:
    """The config that a training leaves."""
    (folder / 'a.py').write_text(
        "model = dict(type='E', backbone=dict(depth=16))\nlr = 0.1\nx = [1, (2, 3), dict({'a-b': None})]\n"
    )


def read_dump(folder: Path) -> None:
    """Read it, and derive its hyperparameters."""
    from mmseg_ext.runs.config_dump import read_config_dump
    from mmseg_ext.runs.hyperparameters import hyperparameters

    hyperparameters(read_config_dump(folder / 'a.py'))


def read_data_files(folder: Path) -> None:
    """List a data set."""
    DataSet(folder).classes  # noqa: B018 - reads dataset.yaml
    audit(folder)


def make_pairs(folder: Path) -> None:
    """Foreign masks of numbers and of colours, with their images, and tables."""
    for place in ('images', 'numbers', 'colours'):
        (folder / place).mkdir()
    for seed, stem in enumerate('ab'):
        Image.fromarray(pixels(seed)).save(folder / f'images/{stem}.png')
        Image.fromarray(indices(seed).astype(np.uint16) * 100).save(folder / f'numbers/{stem}.png')
        Image.fromarray(np.array(PALETTE, np.uint8)[indices(seed)]).save(folder / f'colours/{stem}.png')
    (folder / 'table.csv').write_text('name,r,g,b\nbackground,0,0,0\ncat,220,60,60\ndog,60,100,230\n')


def read_pairs(folder: Path) -> None:
    """Convert both kinds of masks."""
    from mmseg_ext.converters.folder import convert_colour, convert_folder
    from mmseg_ext.converters.split import SplitOptions
    from mmseg_ext.errors import InputError

    names, split = dict(zip((0, 100, 200), NAMES, strict=True)), SplitOptions(val=0, test=0)
    try:
        convert_folder(folder / 'images', folder / 'numbers', folder / 'out', values=names, split=split)
    except InputError as error:
        check_message(error)
    table = folder / 'table.csv'
    convert_colour(folder / 'images', folder / 'colours', folder / 'out2', colours=table, split=split)


def make_remap(folder: Path) -> None:
    """A data set whose masks have other values and palettes, and the classes of those."""
    make_data(folder)
    Image.fromarray(indices()).save(folder / 'labels/train/a.png')
    Image.fromarray(np.array(PALETTE, np.uint8)[indices(1)]).save(folder / 'labels/train/b.png')
    (folder / 'old').mkdir()
    Classes(NAMES[::-1], PALETTE[::-1]).write(folder / 'old')


def read_remap(folder: Path) -> None:
    """Remap by the names of the classes, and by colour."""
    from mmseg_ext.errors import InputError
    from mmseg_ext.workflows.remap import remap_labels

    for number, options in enumerate(({'source': folder / 'old'}, {'by_colour': True}, {'table': ['0=dog', '1=0']})):
        try:
            remap_labels(folder, 'labels', f'new{number}', **options)
        except InputError as error:
            check_message(error)


def make_tiles(folder: Path) -> None:
    """A data set of tiles."""
    from mmseg_ext.workflows.tile import tile_data_set

    (folder / 'data').mkdir()
    make_data(folder / 'data')
    tile_data_set(folder / 'data', folder / 'tiles', size=16, overlap=4)


def read_tiles(folder: Path) -> None:
    """Put its masks together; nothing may be written elsewhere."""
    from mmseg_ext.errors import InputError
    from mmseg_ext.workflows.tile import stitch_predictions

    before = sorted(folder.rglob('*'))
    try:
        stitch_predictions(folder / 'tiles', folder / 'tiles/labels', folder / 'deep/deeper/out')
    except InputError as error:
        check_message(error)
    new = [path for path in folder.rglob('*') if path not in before and not path.is_dir()]
    if stray := [path for path in new if folder / 'deep/deeper/out' not in path.parents]:
        raise AssertionError(f'wrote {stray}')


def make_ensemble(folder: Path) -> None:
    """An ensemble of two models, one of which is a config."""
    make_onnx(folder)
    (folder / 'net.py').write_text('x = 1\n')
    (folder / 'ensemble.yaml').write_text(
        'members:\n- model: a.onnx\n  weight: 2\n- model: a.onnx\n  size: 64\n  tta: true\n'
        '- config: net.py\n  checkpoint: best.pth\n  mode: whole\n'
    )


def read_ensemble_file(folder: Path) -> None:
    """Read it; open and use those that hold models of ONNX alone."""
    from mmseg_ext.inference.ensemble import is_ensemble, read_ensemble
    from mmseg_ext.inference.predictor import Predictor

    path = folder / 'ensemble.yaml'
    is_ensemble(path)
    entries = read_ensemble(path)
    if all(entry.checkpoint is None for entry in entries):
        Predictor(path).predict(pixels())


def make_review(folder: Path) -> None:
    """A data set with results that name masks, and a review that has begun."""
    from mmseg_ext.workflows.audit import audit_labels
    from mmseg_ext.workflows.review import open_review

    make_data(folder)
    audit_labels(folder, json=folder / 'audit.json')
    finding = {'split': 'train', 'stem': 'a', 'check': 'fragments', 'severity': 'error', 'message': 'm'}
    findings = [{**finding, 'boxes': [[1, 2, 3, 4]]}, {**finding, 'stem': 'b', 'severity': 'info'}]
    write_json(folder / 'audit.json', {'findings': findings, 'summary': {'labels': 'labels'}})
    rows = [{'stem': 'a', 'kind': 'extra', 'score': 0.5}, {'stem': 'b', 'kind': 'none', 'score': 0.7}]
    settings = {'labels': 'labels', 'split': 'train'}
    write_json(folder / 'ranking.json', {'settings': settings, 'score': 'score', 'rows': rows})
    files = [{'split': 'train', 'stem': 'a', 'changed': 3, 'status': 'changed', 'flips': {'cat → dog': 3}}]
    write_json(folder / 'diff.json', {'a': 'labels', 'b': 'labels', 'files': files})
    suspects = {'found': [{'stem': 'b', 'kind': 'extra', 'agreement': 0.3}]}
    images = [{'stem': 'a', 'object_dice': 50.0, 'causes': {'border': 7}}, {'stem': 'b', 'object_dice': None}]
    result = {'split': 'train', 'folder': 'result', 'labels': 'labels'}
    write_json(folder / 'errors.json', {'result': result, 'images': images, 'label_suspects': suspects})
    (folder / 'queue.txt').write_text('train/a\nb\n')
    review = open_review(folder, to='reviewed')
    for stem in 'ab':
        review.decide(('train', stem), 'skip', review.mask(('train', stem))[1], seconds=2)


def read_review(folder: Path) -> None:
    """Open every queue, and go on with the review."""
    from mmseg_ext.errors import InputError
    from mmseg_ext.review.server import count_decisions, describe, describe_item
    from mmseg_ext.workflows.review import open_review

    for name in ('audit.json', 'ranking.json', 'diff.json', 'errors.json', 'queue.txt', None):
        try:
            review = open_review(folder, None if name is None else folder / name, to='reviewed')
            count_decisions(review)
            answers = [describe(review), *(describe_item(review, key) for key in review.entries)]
            json.dumps(answers, allow_nan=False, ensure_ascii=False).encode()
        except InputError as error:
            check_message(error)


def make_oxford(folder: Path) -> None:
    """Four pets of the Oxford data set."""
    for place in ('images', 'annotations/trimaps'):
        (folder / place).mkdir(parents=True)
    lines = []
    for number, name in enumerate(('Cat_1', 'Cat_2', 'dog_1', 'dog_2')):
        lines.append(f'{name} {1 + number // 2} {1 + number // 2} 1\n')
        Image.fromarray(pixels(number)).save(folder / f'images/{name}.jpg')
        Image.fromarray(indices(number) + np.uint8(1)).save(folder / f'annotations/trimaps/{name}.png')
    (folder / 'annotations/list.txt').write_text('#Image CLASS-ID SPECIES BREED ID\n' + ''.join(lines))
    (folder / 'annotations/trainval.txt').write_text(''.join(lines[::2]))
    (folder / 'annotations/test.txt').write_text(''.join(lines[1::2]))


def read_oxford(folder: Path) -> None:
    """Convert them."""
    from mmseg_ext.converters.oxford_pet import convert_oxford_pet

    convert_oxford_pet(folder, folder / 'out')


def make_auto(folder: Path) -> None:
    """The result folder of a whole run, with its data."""
    from mmseg_ext.workflows.audit import audit_labels
    from mmseg_ext.workflows.errors import analyze_errors

    make_records(folder)
    data, out = (folder / 'data').resolve(), folder / 'auto'
    (out / 'run').mkdir(parents=True)
    shutil.move(folder / 'result', out / 'test')
    (folder / 'settings.txt').write_text(str(data))
    wanted = {'minutes': 1, 'device': 'cpu', 'backbone': None, 'orientation': 'upright', 'seed': 0}
    write_json(out / 'settings.json', {'data': str(data), 'labels': 'labels', **wanted})
    audit_labels(data, out=out / 'audit')
    choices = [{'name': 'size', 'value': '24×24', 'reason': 'r'}]
    plan = {'steps': 3, 'minutes': 1.5, 'memory_gb': 1.0, 'backbone': 'b', 'size': [24, 24], 'labels': 'labels'}
    write_json(out / 'plan.json', {'plan': {**plan, 'choices': choices}, 'profile': {'masked': {'labels': ['train']}}})
    write_json(out / 'run/run.json', {'status': 'finished'})
    (out / 'data.py').write_text('x = 1\n')
    analyze_errors(out / 'test', out / 'errors')


def read_auto(folder: Path) -> None:
    """Go on with it, where nothing is left to do but the page."""
    from mmseg_ext.errors import InputError
    from mmseg_ext.reading import read_json
    from mmseg_ext.workflows import auto

    def stop(*_: object) -> None:
        raise InputError('training', 'is to begin')

    auto._in_own_process = stop  # type: ignore[assignment]
    wanted = read_json(folder / 'auto/settings.json')
    settings = {**wanted, 'data': str((folder / 'data').resolve())} if isinstance(wanted, dict) else wanted
    (folder / 'auto/settings.json').write_text(json.dumps(settings))
    auto.run_all(
        folder / 'data', folder / 'auto', minutes=1, device='cpu', labels='labels', ignore_audit_errors=True,
        report=lambda _: None,
    )  # fmt: skip


TARGETS: dict[str, Target] = {
    'mask': Target(make_masks, lambda folder: each(folder, read_mask)),
    'image': Target(make_images, lambda folder: each(folder, read_image, read_header, read_stored_header)),
    'data set': Target(make_data, read_data_files),
    'LabelMe document': Target(make_labelme, read_labelme, ('labelme/*/*.json',)),
    'dataset.yaml': Target(make_yaml, read_yaml_file),
    'thresholds (TOML)': Target(make_thresholds, read_thresholds),
    'tables': Target(make_tables, read_tables),
    'records (Parquet)': Target(make_records, read_parquet, ('result/records.parquet',)),
    'result folder': Target(make_records, read_result_folder, ('result/*', 'result/*/*')),
    'run': Target(make_runs, read_runs, ('run/*', 'run/records/*', 'run/val/metrics.json')),
    'ONNX': Target(make_onnx, read_onnx),
    'COCO': Target(make_coco, read_coco, ('coco.json',)),
    'CVAT': Target(make_cvat, read_cvat, ('annotations.xml',)),
    'YOLO': Target(make_yolo, read_yolo, ('data.yaml', 'labels/*/*')),
    'VOC': Target(make_voc, read_voc, ('labelmap.txt', 'ImageSets/*/*')),
    'checkpoint': Target(make_checkpoint, read_checkpoint),
    'config dump': Target(make_dump, read_dump),
    'foreign masks': Target(make_pairs, read_pairs),
    'remapping': Target(make_remap, read_remap, ('dataset.yaml', 'labels/*/*')),
    'tiles': Target(make_tiles, read_tiles, ('tiles/tiles.json', 'tiles/labels/*/*')),
    'ensemble': Target(make_ensemble, read_ensemble_file, ('ensemble.yaml',)),
    'review': Target(make_review, read_review, ('*.json', '*.jsonl', 'queue.txt')),
    'Oxford': Target(make_oxford, read_oxford, ('annotations/*.txt', 'annotations/trimaps/*')),
    'whole run': Target(make_auto, read_auto, ('auto/*.json', 'auto/*/*.json')),
}
