# Draw parts and folds by patient; refuse or group leaks.
# A checkpoint: what is made anew upstream and leaves parts and store as they were trains nothing.
checkpoint split:
    input:
        *inputs("split"),
    output:
        **outputs("split"),
    log:
        log_of("split"),
    priority: order("split")
    conda:
        "../../environment.yml"
    threads: processors("split")
    resources:
        **resources("split"),
    shell:
        command("split")
