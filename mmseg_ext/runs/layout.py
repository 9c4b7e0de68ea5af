"""Names of the files that make up a run: in its work dir, and in the result folder of a test."""

from __future__ import annotations

# In a work dir
RUN_RECORD = 'run.json'
SCALARS = 'scalars.json'
ENVIRONMENT = 'environment.json'
CLEARML = 'clearml.json'
CLASS_WEIGHTS = 'class_weights.json'
LAST_CHECKPOINT = 'last_checkpoint'  # mmengine's file with the path of the newest checkpoint
LOCK = '.lock'  # while a training or a search runs in the folder
INTERRUPTED_CHECKPOINT = 'interrupted.pth'  # of a training that a signal has stopped, also within an epoch
RECORDS_FOLDER = 'records'
VAL_RECORDS, BEST_VAL_RECORDS = 'val.parquet', 'val_best.parquet'  # in that folder

# In a result folder
METRICS = 'metrics.json'
RECORDS = 'records.parquet'
MASKS = 'masks'
PROBABILITIES = 'probabilities'
