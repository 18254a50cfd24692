# Show where a variant looks: maps of some cases, and how well they agree with the known truth.
rule explain:
    input:
        *inputs("explain"),
    output:
        **outputs("explain"),
    log:
        log_of("explain"),
    priority: order("explain")
    conda:
        "../../environment.yml"
    threads: threads
    resources:
        **resources("explain"),
    shell:
        command("explain")
