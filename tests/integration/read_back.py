# SPDX-License-Identifier: MIT
"""What pandas and torch find in files of ours, as JSON: read_back.py csv FILE | pt FILE..."""
import json
import sys


def csv(path):
    import pandas

    table = pandas.read_csv(path)
    numbers = {name: pandas.api.types.is_numeric_dtype(table[name]) for name in table.columns}
    loss = table[table.metric == "loss"]
    return {
        "rows": len(table),
        "columns": list(table.columns),
        "numbers": [name for name, is_number in numbers.items() if is_number],
        "finite_losses": {run: float(part.value[abs(part.value) < 1e300].sum()) for run, part in loss.groupby("run_id")},
        "missing_values": int(table.value.isna().sum()),
    }


def pt(path):
    import torch

    tensors = torch.load(path)
    return {name: {"shape": list(value.shape), "type": str(value.dtype), "sum": value.double().sum().item(),
                   "squares": value.double().pow(2).sum().item()} for name, value in tensors.items()}


kind, paths = sys.argv[1], sys.argv[2:]
print(json.dumps({path: {"csv": csv, "pt": pt}[kind](path) for path in paths}))
