# Read patients, targets and covariates from the study's own layout.
rule index:
    input:
        *inputs("index"),
    output:
        **outputs("index"),
    log:
        log_of("index"),
    priority: order("index")
    conda:
        "../../environment.yml"
    shell:
        command("index")
