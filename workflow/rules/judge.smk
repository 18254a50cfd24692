# Judge explanations: means with intervals, tests in pairs, verdicts.
rule judge:
    input:
        *inputs("judge"),
    output:
        **outputs("judge"),
    log:
        log_of("judge"),
    priority: order("judge")
    conda:
        "../../environment.yml"
    resources:
        **resources("judge"),
    shell:
        command("judge")
