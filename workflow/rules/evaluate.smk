# Score one variant over its folds and seeds, with intervals.
rule evaluate:
    input:
        *inputs("evaluate"),
    output:
        **outputs("evaluate"),
    log:
        log_of("evaluate"),
    priority: order("evaluate")
    conda:
        "../../environment.yml"
    resources:
        **resources("evaluate"),
    shell:
        command("evaluate")
