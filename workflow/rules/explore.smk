# Show what a study is like: its patients, labels, parts and pictures.
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
            contact={
                "caption": "../report/contact.rst",
                "category": "Data",
                "labels": {"study": "{study}", "figure": "contact sheet"},
            },
        ),
    log:
        log_of("explore"),
    priority: order("explore")
    conda:
        "../../environment.yml"
    shell:
        command("explore")
