# Write the page for reviewers and the few numbers that `dvc exp show` shows.   dvc.yaml: report
rule report:
    input:
        code("report", "core", "figures", "app/report"),
        scores=made(
            "report",
            expand("results/scores/{variant}/metrics.json", variant=PARAMS.variants),
        ),
        tables=made("report", "results/comparison"),
        figures=made("report", "results/figures"),
        studies=made(
            "report",
            expand(
                "results/studies/{study}/{file}",
                study=PARAMS.studies,
                file=["ingest.json", "sizes.png", "split.json"],
            )
            + expand(
                "results/studies/{study}/{file}",
                study=PARAMS.localize,
                file=["localize.json", "joints.png"],
            ),
        ),
        published=ancient("presets/published"),
        now=now("report"),
    output:
        page=report(
            "results/report.html", caption="../report/report.rst", category="Report"
        ),
        metrics="results/metrics.json",
        receipt="results/receipts/report/all.json",
    log:
        "logs/report/all.log",
    conda:
        "../../environment.yml"
    shell:
        "python workflow/scripts/report.py --scores results/scores --tables {input.tables}"
        " --figures {input.figures} --studies results/studies --published {input.published}"
        " --out {output.page} --metrics {output.metrics}"
