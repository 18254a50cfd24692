# Write the page for reviewers and the few numbers that `dvc exp show` shows.
rule report:
    input:
        *inputs("report"),
    output:
        **outputs(
            "report",
            out={"caption": "../report/report.rst", "category": "Report"},
        ),
    log:
        log_of("report"),
    priority: order("report")
    conda:
        "../../environment.yml"
    shell:
        command("report")
