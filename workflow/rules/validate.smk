# Judge the variants of a study on all cases of another one: external validation.
rule validate:
    input:
        *inputs("validate"),
    output:
        **outputs("validate"),
    log:
        log_of("validate"),
    priority: order("validate")
    conda:
        "../../environment.yml"
    resources:
        **resources("validate"),
    shell:
        command("validate")
