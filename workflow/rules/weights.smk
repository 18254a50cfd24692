# Have starting weights that others learned; where there is a network, they are fetched.
checkpoint weights:
    input:
        *inputs("weights"),
    output:
        **outputs("weights"),
    log:
        log_of("weights"),
    priority: order("weights")
    localrule: True
    conda:
        "../../environment.yml"
    shell:
        command("weights")
