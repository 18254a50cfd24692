# Show the crops of a study that are most likely wrong, to be looked at.
rule review:
    input:
        *inputs("review"),
    output:
        **outputs(
            "review",
            picture={
                "caption": "../report/joints.rst",
                "category": "Data",
                "labels": {"study": "{study}", "figure": "joints"},
            },
        ),
    log:
        log_of("review"),
    priority: order("review")
    conda:
        "../../environment.yml"
    shell:
        command("review")
