"""The packages of the wheel; all else is in pyproject.toml.

pyproject.toml can either find packages or map one to a folder elsewhere, not both: the top-level ``configs`` travels as
``mmseg_ext.configs``. An editable installation reads them where they are, so that it needs no mapping and becomes a
plain path. With a mapping it would be an import hook, which Python asks last: a folder named ``mmseg_ext`` in the
current folder, such as the checkout itself, would be imported in its place, as a package of nothing.
"""

import sys

from setuptools import find_namespace_packages, setup

PACKAGES = find_namespace_packages(include=['mmseg_ext*'], exclude=['*__pycache__*'])
if 'editable_wheel' in sys.argv:
    setup(packages=PACKAGES, package_dir={'': '.'})
else:
    setup(
        packages=[*PACKAGES, 'mmseg_ext.configs'],
        package_dir={'mmseg_ext': 'mmseg_ext', 'mmseg_ext.configs': 'configs'},
    )
