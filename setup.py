"""The packages of the wheel; all else is in pyproject.toml.

pyproject.toml can either find packages or map one to a folder elsewhere, not both: the top-level ``configs`` travels as
``mmseg_ext.configs``.
"""

from setuptools import find_namespace_packages, setup

PACKAGES = find_namespace_packages(include=['mmseg_ext*'], exclude=['*__pycache__*'])
setup(packages=[*PACKAGES, 'mmseg_ext.configs'])
