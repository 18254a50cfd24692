# Compute what a frozen network says of each case, once for all heads.
# A checkpoint as localize is: features that come out as they were train nothing.
checkpoint features:
    input:
        *inputs("features"),
    output:
        **outputs("features"),
    log:
        log_of("features"),
    priority: order("features")
    conda:
        "../../environment.yml"
    threads: backbone_threads
    resources:
        **resources("features"),
    shell:
        command("features")
