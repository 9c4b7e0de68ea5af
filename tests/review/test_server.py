from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from boxed_cat import HEIGHT, WIDTH, given, photograph, suggested
from PIL import Image

from mmseg_ext.review import Review
from mmseg_ext.review.server import count_decisions

Open = Callable[..., Review]


def array(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH)


def test_a_review_by_its_requests(open_review: Open, serve: Callable[[Review], Any]) -> None:
    review = open_review(boxes=((1, 2, 3, 4),))
    ask = serve(review)
    _, state = ask('GET', '/state')
    assert [entry['key'] for entry in state['entries']] == ['train/a', 'train/bär', 'train/c d']
    assert (state['labels'], state['to'], state['background'], state['ignored']) == ('labels', 'new', 0, 255)
    assert state['classes'][1] == {'name': 'cat', 'colour': [220, 60, 60]}
    key = quote('train/bär')
    status, item = ask('GET', f'/item?key={key}')
    assert (status, item['width'], item['height'], item['suggestion']) == (200, WIDTH, HEIGHT, True)
    assert (item['reasons'], item['boxes'], item['decision']) == (['reason of bär'], [[1, 2, 3, 4]], None)
    np.testing.assert_array_equal(array(ask('GET', f'/mask?key={key}')[1]), given())
    np.testing.assert_array_equal(array(ask('GET', f'/suggestion?key={key}')[1]), suggested())
    shown = np.asarray(Image.open(io.BytesIO(ask('GET', f'/image?key={key}')[1]))).astype(int)
    assert np.abs(shown - photograph()).mean() < 3  # JPEG
    assert ask('GET', f'/suggestion?key={quote("train/c d")}')[0] == 404

    mask = given()
    mask[:2] = 2
    headers = {'If-Match': f'"{item["version"]}"'}
    status, saved = ask('POST', f'/decision?key={key}&kind=keep&seconds=3', mask.tobytes(), headers)
    assert (status, saved['kind'], saved['decision'], saved['changed']) == (200, 'edit', 'edit', 2 * WIDTH)
    np.testing.assert_array_equal(array(ask('GET', f'/mask?key={key}')[1]), mask)
    np.testing.assert_array_equal(array(ask('GET', f'/source?key={key}')[1]), given())
    status, refused = ask('POST', f'/decision?key={key}&kind=skip', b'', headers)
    assert (status, 'another tab' in refused['error']) == (409, True)
    status, _ = ask('POST', f'/decision?key={key}&kind=skip', b'', {'If-Match': saved['version']})
    assert status == 200
    assert count_decisions(review) == {'skip': 1, 'left': 2}

    status, shape = ask('POST', f'/snap?key={key}', (given() == 1).tobytes())
    assert status == 200
    np.testing.assert_array_equal(array(shape), suggested())


def test_what_is_refused(root: Path, open_review: Open, serve: Callable[[Review], Any]) -> None:
    ask = serve(open_review())
    version = ask('GET', '/item?key=train/a')[1]['version']
    (root.parent / 'secret.png').write_bytes((root / 'labels' / 'train' / 'a.png').read_bytes())
    for path in (
        'train/../train/a',
        '../labels/train/a',
        'train/..%2F..%2F..%2Fsecret',
        '',
        'train/a%00',
        '/etc/passwd',
    ):
        for kind in ('item', 'image', 'mask', 'source', 'suggestion'):
            assert ask('GET', f'/{kind}?key={path}')[0] == 404
        assert ask('POST', f'/decision?key={path}&kind=keep', b'', {'If-Match': version})[0] == 404
    post = '/decision?key=train/a&kind=edit'
    match = {'If-Match': version}
    assert ask('POST', post, bytes(HEIGHT * WIDTH + 1), match)[0] == 413
    assert ask('POST', post, bytes(HEIGHT * WIDTH - 1), match)[0] == 422
    assert ask('POST', post, b'\x07' * (HEIGHT * WIDTH), match)[0] == 422
    assert ask('POST', f'{post}&seconds=soon', b'', match)[0] == 422
    assert ask('POST', post, b'')[0] == 409  # about no version
    assert ask('POST', '/snap?key=train/a', b'')[0] == 400
    assert ask('POST', post, b'', {**match, 'Origin': 'http://elsewhere.example'})[0] == 403
    assert ask('GET', '/state', None, {'Host': 'elsewhere.example'})[0] == 400
    assert ask('GET', '/decision')[0] == 405
    for path in ('/server.py', '/../session.py', '/%2e%2e/session.py'):
        assert ask('GET', path)[0] == 404
    assert not (root / 'new' / 'review.jsonl').exists()


def test_a_review_to_look_only(open_review: Open, serve: Callable[[Review], Any]) -> None:
    ask = serve(open_review(to=None))
    version = ask('GET', '/item?key=train/a')[1]['version']
    status, refused = ask('POST', '/decision?key=train/a&kind=keep', b'', {'If-Match': version})
    assert (status, '--to' in refused['error']) == (403, True)


def test_a_file_that_cannot_be_read_costs_only_itself(
    root: Path, open_review: Open, serve: Callable[[Review], Any]
) -> None:
    ask = serve(open_review())
    (root / 'img' / 'train' / 'a.png').write_bytes(b'no image')
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(root.parent / 'suggestions' / 'bär.png')
    assert ask('GET', '/image?key=train/a')[0] == 422
    status, refused = ask('GET', f'/suggestion?key={quote("train/bär")}')
    assert (status, 'height, width' in refused['error']) == (422, True)
    assert ask('GET', f'/image?key={quote("train/c d")}')[0] == 200
