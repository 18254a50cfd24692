# radpipe: from a radiology data set to a defended comparison of models.
#
#   fetch -> index -> ingest -> split -> train -> predict -> evaluate -> compare -> report
#                                 |        ^                                           ^
#                                 +-> localize -> review ------------------------------+
#                                 +-> explore -----------------------------------------+
#                                 +-> admit, what others have answered -> compare
#   weights -> train, where a variant starts from what others learned
#
# Each step is described once, by STEP in workflow/scripts/<step>.py: what it reads and writes, and
# on which settings it depends. Its rule stands in workflow/rules/<step>.smk. The same steps stand
# in dvc.yaml, which `radpipe dvc` writes. Settings: params.yaml. How the two engines work together:
# docs/why/two-engines.md.
from snakemake.utils import min_version

min_version("9.20")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"


for step in GRAPH.steps:

    include: f"workflow/rules/{step}.smk"


rule all:
    default_target: True
    input:
        "results/report.html",
        "results/metrics.json",
        expand("results/starts/{start}/start.json", start=PARAMS.plan.starts),
        [block.folder(name) for name, block in PARAMS.features.items()],


# One message for each failed job, after everything that the engine itself says.
onerror:
    explain_failures()
