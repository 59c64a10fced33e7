process.send(process.execArgv)
