# Rank the variants of every study, test them in pairs, draw the plots.
rule compare:
    input:
        *inputs("compare"),
    output:
        **outputs(
            "compare",
            figures={
                "patterns": ["png/{study}-{figure}.png"],
                "caption": "../report/figures.rst",
                "category": "Comparison",
                "subcategory": "{study}",
                "labels": {"study": "{study}", "figure": "{figure}"},
            },
        ),
    log:
        log_of("compare"),
    priority: order("compare")
    conda:
        "../../environment.yml"
    shell:
        command("compare")
