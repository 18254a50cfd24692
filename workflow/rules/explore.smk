# Show what came into a study's store: sizes and intensities of its pictures.
rule explore:
    input:
        *inputs("explore"),
    output:
        **outputs(
            "explore",
            sizes={
                "caption": "../report/sizes.rst",
                "category": "Data",
                "labels": {"study": "{study}", "figure": "sizes and intensities"},
            },
        ),
    log:
        log_of("explore"),
    priority: order("explore")
    conda:
        "../../environment.yml"
    shell:
        command("explore")
