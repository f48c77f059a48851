"""Records the learning rates of transformers' schedules, for TestSchedule.

Run as  python record_schedules.py > schedules.json  ; the versions are in the file.
"""
import json

import torch
import transformers
from transformers import optimization

cases = []
for kind, make, extra in [
    ("cosine", optimization.get_cosine_schedule_with_warmup, {}),
    ("cosine", optimization.get_cosine_with_min_lr_schedule_with_warmup, {"min_lr_rate": 0.1}),
    ("linear", optimization.get_linear_schedule_with_warmup, {}),
    ("constant", optimization.get_constant_schedule_with_warmup, {}),
]:
    for warmup, steps in [(0, 7), (3, 20), (10, 100)]:
        p = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([p], lr=3e-4)
        arguments = {"num_warmup_steps": warmup, **extra}
        if kind != "constant":
            arguments["num_training_steps"] = steps
        schedule = make(optimizer, **arguments)
        rates = []
        for _ in range(steps):
            rates.append(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
        cases.append({"kind": kind, "least": extra.get("min_lr_rate", 0), "largest": 3e-4, "warmup": warmup, "rates": rates})
lines = ",\n".join(json.dumps(c) for c in cases)
print(f'{{"transformers": "{transformers.__version__}", "torch": "{torch.__version__}", "cases": [\n{lines}\n]}}')
