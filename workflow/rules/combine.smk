# Score an ensemble: the mean of several variants of a study, run by run.
rule combine:
    input:
        *inputs("combine"),
    output:
        **outputs("combine"),
    log:
        log_of("combine"),
    priority: order("combine")
    conda:
        "../../environment.yml"
    resources:
        **resources("combine"),
    shell:
        command("combine")
