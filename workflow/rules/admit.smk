# Score imported predictions: what readers or other systems have said of a study's cases.
rule admit:
    input:
        *inputs("admit"),
    output:
        **outputs("admit"),
    log:
        log_of("admit"),
    priority: order("admit")
    conda:
        "../../environment.yml"
    resources:
        **resources("admit"),
    shell:
        command("admit")
