# radpipe: from a radiology data set to a defended comparison of models.
# The same steps, commands, dependencies and outputs stand in dvc.yaml; tests/test_agreement.py
# compares the two. Settings: params.yaml. How the engines work together: docs/architecture.md.
from snakemake.utils import min_version

min_version("9.20")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/index.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/split.smk"
include: "workflow/rules/localize.smk"
include: "workflow/rules/recipe.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        "results/report.html",
        "results/metrics.json",


# One message for each failed job, after everything that the engine itself says.
onerror:
    explain_failures()
